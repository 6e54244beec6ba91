/** Whether the page is being printed: then all of a thread is in the document. */
import { useEffect, useState } from "react"
import { flushSync } from "react-dom"

/** True from `beforeprint` to `afterprint`; the browser takes the page as it is when the first has been handled. */
export const usePrinting = (): boolean => {
  const [isPrinting, setPrinting] = useState(false)
  useEffect(() => {
    const start = () => flushSync(() => setPrinting(true))
    const end = () => setPrinting(false)
    addEventListener("beforeprint", start)
    addEventListener("afterprint", end)
    return () => {
      removeEventListener("beforeprint", start)
      removeEventListener("afterprint", end)
    }
  }, [])
  return isPrinting
}

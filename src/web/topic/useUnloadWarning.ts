/** Keeps the page from being closed by accident. */
import { useEffect } from "react"

/** Asks for confirmation before the page is closed while there are pending commands that exist only in this page. */
export const useUnloadWarning = (enabled: boolean): void =>
  useEffect(() => {
    if (!enabled) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener("beforeunload", warn)
    return () => removeEventListener("beforeunload", warn)
  }, [enabled])

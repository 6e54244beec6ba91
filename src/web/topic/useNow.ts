/** The clock as a hook. */
import { useEffect, useState } from "react"

/** The current time, updated at an interval. */
export const useNow = (intervalMillis: number): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMillis)
    return () => clearInterval(timer)
  }, [intervalMillis])
  return now
}

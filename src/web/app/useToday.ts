/** The present day as a hook. */
import { useSyncExternalStore } from "react"

/** Milliseconds: a timer for midnight itself would be late after the computer has slept. */
const checkInterval = 60_000

const subscribe = (onChange: () => void) => {
  const timer = setInterval(onChange, checkInterval)
  return () => clearInterval(timer)
}

const startOfDay = (): number => new Date(Date.now()).setHours(0, 0, 0, 0)

/** When the present day began, in milliseconds since the epoch; renders again on the next day. */
export const useToday = (): number => useSyncExternalStore(subscribe, startOfDay)

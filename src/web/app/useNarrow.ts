/** Whether the page has one column. */
import { useSyncExternalStore } from "react"

const query = matchMedia("(max-width: 719px)")

const subscribe = (onChange: () => void) => {
  query.addEventListener("change", onChange)
  return () => query.removeEventListener("change", onChange)
}

/** True below 720 px, where the list of threads is a page of its own. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => query.matches)

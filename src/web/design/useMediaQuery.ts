/** A media query as a hook. */
import { useCallback, useSyncExternalStore } from "react"

/** Whether the page matches a media query, such as `(pointer: coarse)`. */
export const useMediaQuery = (query: string): boolean => {
  const subscribe = useCallback((onChange: () => void) => {
    const list = matchMedia(query)
    list.addEventListener("change", onChange)
    return () => list.removeEventListener("change", onChange)
  }, [query])
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches)
}

/** The route as a hook: the address is the only state that says what is open. */
import { useMemo, useSyncExternalStore } from "react"
import { parseRoute, type Route } from "../topic/Route.ts"

const subscribe = (onChange: () => void) => {
  addEventListener("hashchange", onChange)
  return () => removeEventListener("hashchange", onChange)
}

const readFragment = () => location.hash

/** The present route. */
export const useRoute = (): Route => {
  const fragment = useSyncExternalStore(subscribe, readFragment)
  return useMemo(() => parseRoute(fragment), [fragment])
}

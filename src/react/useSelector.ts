/** Reads a part of an external store, and renders again only when that part has other content. */
import { Equal } from "effect"
import { useCallback, useRef, useSyncExternalStore } from "react"

/**
 * What `select` makes of a store's present value. A result with the content of the one before, by `Equal.equals`, is the
 * one before, so that components and effects which depend on it do not run again. `select` may be a new function each time.
 */
export const useSelector = <S, A>(
  subscribe: (onChange: () => void) => () => void,
  read: () => S,
  select: (value: S) => A
): A => {
  const previous = useRef<{ readonly value: A } | undefined>(undefined)
  const getSelection = useCallback(() => {
    const value = select(read())
    if (previous.current === undefined || !Equal.equals(previous.current.value, value)) previous.current = { value }
    return previous.current.value
  }, [read, select])
  return useSyncExternalStore(subscribe, getSelection, getSelection)
}

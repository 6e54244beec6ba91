/** Reads a part of an external store, and renders again only when that part has other content. */
import { useCallback, useRef, useSyncExternalStore } from "react"
import { sameContent } from "./sameContent.ts"

/**
 * What `select` makes of a store's present value. A result with the content of the one before, by `sameContent`, is the
 * one before, so that components and effects which depend on it do not run again. `select` may be a new function each time.
 */
export const useSelector = <S, A>(
  subscribe: (onChange: () => void) => () => void,
  read: () => S,
  select: (value: S) => A
): A => {
  const previous = useRef<{ readonly select: (value: S) => A; readonly value: S; readonly selection: A }>(undefined)
  const getSelection = useCallback(() => {
    const value = read()
    const last = previous.current
    if (last !== undefined && last.select === select && last.value === value) return last.selection
    const selected = select(value)
    const selection = last !== undefined && sameContent(last.selection, selected) ? last.selection : selected
    previous.current = { select, value, selection }
    return selection
  }, [read, select])
  return useSyncExternalStore(subscribe, getSelection, getSelection)
}

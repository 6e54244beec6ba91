/** Which source of an answer is open and which one is pointed at: pointing at its number or its card highlights both. */
import { createContext } from "react"
import type { Source } from "./sources.ts"

/** What the citations of an answer need to know of it. */
export interface CitationFocus {
  /** The source that a number of the text refers to; undefined if there is none. */
  readonly find: (number: number) => Source | undefined
  /** The number of the open source. */
  readonly open: number | undefined
  /** The number of the source that is hovered or focused. */
  readonly highlighted: number | undefined
  readonly highlight: (number: number | undefined) => void
  /** Opens a source and moves the focus to it. */
  readonly show: (number: number) => void
  readonly toggle: (number: number) => void
}

/** The focus of the answer around a component; undefined while its text is still being written. */
export const CitationFocusContext = createContext<CitationFocus | undefined>(undefined)

/** The props by which an element highlights a source while it is hovered or focused. */
export const highlightProps = ({ highlight }: CitationFocus, number: number) => ({
  onPointerEnter: () => highlight(number),
  onPointerLeave: () => highlight(undefined),
  onFocus: () => highlight(number),
  onBlur: () => highlight(undefined)
})

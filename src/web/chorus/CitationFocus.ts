/** Which source of an answer is open and which one is pointed at: pointing at its number or its card highlights both. */
import { createContext, useContext } from "react"

interface CitationFocus {
  /** The number of the open source. */
  readonly open: number | undefined
  /** The number of the source that is hovered or focused. */
  readonly highlighted: number | undefined
  readonly highlight: (number: number | undefined) => void
  /** Opens a source and moves the focus to it. */
  readonly show: (number: number) => void
  readonly toggle: (number: number) => void
}

const CitationFocusContext = createContext<CitationFocus | undefined>(undefined)

/** Provided by an answer. */
export const CitationFocusProvider = CitationFocusContext.Provider

/** The focus of the answer around this component. */
export const useCitationFocus = (): CitationFocus => {
  const focus = useContext(CitationFocusContext)
  if (focus === undefined) throw new Error("This component is outside of an answer.")
  return focus
}

/** The props by which an element highlights a source while it is hovered or focused. */
export const highlightProps = ({ highlight }: CitationFocus, number: number) => ({
  onPointerEnter: () => highlight(number),
  onPointerLeave: () => highlight(undefined),
  onFocus: () => highlight(number),
  onBlur: () => highlight(undefined)
})

/** Which source of an answer is open and which one is pointed at: a number in the text and its card light each other. */
import { createContext, useContext } from "react"

interface CitationFocus {
  /** The number of the open source. */
  readonly open: number | undefined
  /** The number under the pointer or the keyboard. */
  readonly lit: number | undefined
  readonly light: (number: number | undefined) => void
  /** Opens a source and moves the keyboard to it. */
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

/** The props by which an element lights a source while it is under the pointer or has the keyboard. */
export const lightingProps = ({ light }: CitationFocus, number: number) => ({
  onPointerEnter: () => light(number),
  onPointerLeave: () => light(undefined),
  onFocus: () => light(number),
  onBlur: () => light(undefined)
})

/** The number of a source within an answer: a press opens the source. */
import type { ReactNode } from "react"
import { useMessages } from "../language/Language.ts"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./CitationChip.module.css"
import { highlightProps, useCitationFocus } from "./CitationFocus.ts"
import type { Source } from "./sources.ts"

/** The number of a source in a text that is still being written: it looks the same and opens nothing. */
export const renderPlainCitation = (number: number): ReactNode => <span className={style.chip}>{number}</span>

/** The number, as a button. */
export const CitationChip = ({ source: { evidence, number } }: { readonly source: Source }): ReactNode => {
  const messages = useMessages(chorusMessages)
  const focus = useCitationFocus()
  return (
    <button
      type="button"
      className={style.chip}
      data-evidence={evidence}
      data-highlighted={focus.open === number || focus.highlighted === number || undefined}
      aria-label={evidence === "notFound" ? messages.citationNotFound(number) : messages.citation(number)}
      aria-expanded={focus.open === number}
      onClick={() => focus.show(number)}
      {...highlightProps(focus, number)}
    >
      {number}
    </button>
  )
}

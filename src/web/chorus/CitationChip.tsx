/** The number of a source within an answer: a press opens the source. */
import { type ReactNode, useContext } from "react"
import { useMessages } from "../language/Language.ts"
import { type RenderCitation, wordJoiner } from "../text/Markdown.tsx"
import { chorusMessages } from "./ChorusMessages.ts"
import style from "./CitationChip.module.css"
import { type CitationFocus, CitationFocusContext, highlightProps } from "./CitationFocus.ts"
import type { Source } from "./sources.ts"

/** Always the same function, so that a text that ends as an answer renders only its citations anew. */
export const renderCitation: RenderCitation = (number, written) => <Citation number={number} written={written} />

/** While the text is still being written the number looks the same and opens nothing. */
const Citation = ({ number, written }: { readonly number: number; readonly written: string }): ReactNode => {
  const focus = useContext(CitationFocusContext)
  if (focus === undefined) {
    return (
      <>
        {wordJoiner}
        <span className={style.chip}>{number}</span>
      </>
    )
  }
  const source = focus.find(number)
  return source === undefined ? written : (
    <>
      {wordJoiner}
      <CitationChip source={source} focus={focus} />
    </>
  )
}

const CitationChip = ({ focus, source: { evidence, number } }: {
  readonly source: Source
  readonly focus: CitationFocus
}): ReactNode => {
  const messages = useMessages(chorusMessages)
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

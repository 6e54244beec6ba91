/**
 * Text that somebody wrote, as text (SEC31): lines, code, and the numbers of
 * citations. Nothing in it becomes a link, an image or markup.
 */
import { Fragment, type ReactNode } from "react"

interface Props {
  readonly text: string
  /** What stands for `[n]`; undefined leaves the characters as they are. */
  readonly renderCitation?: ((n: number) => ReactNode) | undefined
}

export const PlainText = ({ renderCitation, text }: Props): ReactNode => (
  <div className="plain-text">
    {text.split("```").map((part, index) =>
      index % 2 === 1
        ? <pre key={index}><code>{codeBlock(part)}</code></pre>
        : (
          <Fragment key={index}>
            {part.split(/\n\s*\n/).map((block, index) => renderParagraph(block, index, renderCitation))}
          </Fragment>
        )
    )}
  </div>
)

/** What stands between fences; the rest of the opening line only names a language. */
const codeBlock = (part: string): string => part.slice(part.indexOf("\n") + 1).replace(/\n$/, "")

/** Lines, or a list when each of them starts like one. */
const renderParagraph = (block: string, key: number, renderCitation: Props["renderCitation"]): ReactNode => {
  const text = block.replace(/^\n+/, "").trimEnd()
  const lines = text.split("\n")
  if (text === "") return null
  return lines.every((line) => line.startsWith("- "))
    ? (
      <ul key={key}>
        {lines.map((line, index) => <li key={index}>{renderInline(line.slice(2), renderCitation)}</li>)}
      </ul>
    )
    : <p key={key}>{renderInline(text, renderCitation)}</p>
}

/** `code` and [1]. */
const renderInline = (text: string, renderCitation: Props["renderCitation"]): ReactNode =>
  text.split(/(`[^`\n]+`| ?\[\d{1,3}\])/).map((part, index) => {
    if (index % 2 === 0) return part
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>
    const citation = renderCitation?.(Number(part.replaceAll(/\D/g, "")))
    // A number stays on the line of the word that it belongs to.
    return citation === undefined ? part : <Fragment key={index}>{"\u00a0"}{citation}</Fragment>
  })

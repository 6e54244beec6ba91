/** Renders text of users and models (SEC31): paragraphs, lists, code, citation numbers; no links, images or HTML. */
import { Fragment, type ReactNode } from "react"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { parseBlocks } from "./textBlocks.ts"

interface Props {
  readonly text: string
  /** Renders `[n]`; undefined leaves the characters as they are. */
  readonly renderCitation?: ((n: number) => ReactNode) | undefined
}

/** Stands where a text was erased (TOP10). */
const erasedNote: ReactNode = <em className="muted">This text was erased</em>

/** The text as paragraphs, lists and code blocks. */
export const PlainText = ({ renderCitation, text }: Props): ReactNode => (
  <div className="plain-text">
    {text === erasedMark ? <p>{erasedNote}</p> : parseBlocks(text).map((block, index) =>
      block._tag === "Code"
        ? (
          <pre key={index}>
            {block.info !== "" && <span className="code-info muted">{block.info}</span>}
            <code>{block.text}</code>
          </pre>
        )
        : (
          <Fragment key={index}>
            {block.text.split(/\n\s*\n/).map((paragraph, index) => renderParagraph(paragraph, index, renderCitation))}
          </Fragment>
        )
    )}
  </div>
)

/** A text within a line; a note in its place if it was erased. */
export const LineText = ({ text }: { readonly text: string }): ReactNode => text === erasedMark ? erasedNote : text

/** A paragraph, or a list if each line starts with `- `. */
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

/** Inline code and citation numbers. */
const renderInline = (text: string, renderCitation: Props["renderCitation"]): ReactNode =>
  text.split(/(`[^`\n]+`| ?\[\d{1,3}\])/).map((part, index) => {
    if (index % 2 === 0) return part
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>
    const citation = renderCitation?.(Number(part.replaceAll(/\D/g, "")))
    // The no-break space keeps the number on the line of the preceding word.
    return citation === undefined ? part : <Fragment key={index}>{"\u00a0"}{citation}</Fragment>
  })

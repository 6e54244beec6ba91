/**
 * Text that somebody wrote, as text (SEC31): lines, code, and the numbers of
 * citations. Nothing in it becomes a link, an image or markup.
 */
import { Fragment, type ReactNode } from "react"

interface Props {
  readonly text: string
  /** What stands for `[n]`; undefined leaves the characters as they are. */
  readonly cite?: ((n: number) => ReactNode) | undefined
}

export const Prose = ({ cite, text }: Props): ReactNode => (
  <div className="prose">
    {text.split("```").map((part, index) =>
      index % 2 === 1
        ? <pre key={index}><code>{fenced(part)}</code></pre>
        : <Fragment key={index}>{part.split(/\n\s*\n/).map((block, index) => paragraph(block, index, cite))}</Fragment>
    )}
  </div>
)

/** What stands between fences; the rest of the opening line only names a language. */
const fenced = (part: string): string => part.slice(part.indexOf("\n") + 1).replace(/\n$/, "")

/** Lines, or a list when each of them starts like one. */
const paragraph = (block: string, key: number, cite: Props["cite"]): ReactNode => {
  const text = block.replace(/^\n+/, "").trimEnd()
  const lines = text.split("\n")
  if (text === "") return null
  return lines.every((line) => line.startsWith("- "))
    ? <ul key={key}>{lines.map((line, index) => <li key={index}>{inline(line.slice(2), cite)}</li>)}</ul>
    : <p key={key}>{inline(text, cite)}</p>
}

/** `code` and [1]. */
const inline = (text: string, cite: Props["cite"]): ReactNode =>
  text.split(/(`[^`\n]+`| ?\[\d{1,3}\])/).map((part, index) => {
    if (index % 2 === 0) return part
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>
    const mark = cite?.(Number(part.replaceAll(/\D/g, "")))
    // A number stays on the line of the word that it belongs to.
    return mark === undefined ? part : <Fragment key={index}>{"\u00a0"}{mark}</Fragment>
  })

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
    {text.split(/```[^\n`]*\n?([\s\S]*?)(?:```|$)/).map((part, index) =>
      index % 2 === 1
        ? <pre key={index}><code>{part.replace(/\n$/, "")}</code></pre>
        : part.trim() !== "" && <p key={index}>{inline(part.replace(/^\n+|\n+$/g, ""), cite)}</p>
    )}
  </div>
)

/** `code` and [1]. */
const inline = (text: string, cite: Props["cite"]): ReactNode =>
  text.split(/(`[^`\n]+`|\[\d{1,3}\])/).map((part, index) => {
    if (index % 2 === 0) return part
    if (part.startsWith("`")) return <code key={index}>{part.slice(1, -1)}</code>
    return <Fragment key={index}>{cite?.(Number(part.slice(1, -1))) ?? part}</Fragment>
  })

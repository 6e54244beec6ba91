/** Shows a text of a person or a model as Markdown (SEC31): React elements of a closed set, without HTML and without images. */
import { createElement, Fragment, memo, type ReactNode, useMemo, useState } from "react"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { Icon } from "../design/Icon.tsx"
import { useMessages } from "../language/Language.ts"
import { CodeBlock } from "./CodeBlock.tsx"
import { ErasedNote } from "./LineText.tsx"
import style from "./Markdown.module.css"
import type { Block, Inline, List, ListItem, Table, TopBlock } from "./MarkdownTree.ts"
import { MarkdownParser } from "./parseMarkdown.ts"
import { textMessages } from "./TextMessages.ts"

/**
 * Renders the citation `[n]`, or the characters as they were `written`: its number, or ` [n]`. No line may begin with it, which
 * a `wordJoiner` before it keeps.
 */
export type RenderCitation = (n: number, written: string) => ReactNode

/** Glues words together, also where the text is copied or read. */
export const wordJoiner = "\u2060"

interface Props {
  readonly text: string
  /** Blocks render anew when it changes: it should stay the same function. */
  readonly renderCitation?: RenderCitation | undefined
  /** `serif` is how the Chorus answers, `document` how an imported text reads. */
  readonly voice?: "sans" | "serif" | "document" | undefined
}

/** A text as blocks. While it grows, only the blocks that change render anew. */
export const Markdown = memo(({ renderCitation, text, voice = "sans" }: Props): ReactNode => {
  const hasCitations = renderCitation !== undefined
  const [parser] = useState(() => new MarkdownParser())
  const blocks = useMemo(
    () => text === erasedMark ? [] : parser.parse(text, hasCitations),
    [text, hasCitations, parser]
  )
  return (
    <div className={`${style.text} ${style[voice]}`}>
      {text === erasedMark && (
        <p>
          <ErasedNote />
        </p>
      )}
      {blocks.map((block, index) => <TopBlockView key={index} top={block} renderCitation={renderCitation} />)}
    </div>
  )
})

interface TopBlockProps {
  readonly top: TopBlock
  readonly renderCitation: RenderCitation | undefined
}

const TopBlockView = memo(
  ({ renderCitation, top }: TopBlockProps): ReactNode => renderBlock(top.block, 0, renderCitation, "auto"),
  (a, b) => a.top.source === b.top.source && a.renderCitation === b.renderCitation
)

/**
 * `dir` is set on the outermost block, which takes its direction from all it contains; `Markdown.module.css` gives each inner
 * paragraph its own.
 */
const renderBlock = (
  block: Block,
  key: number,
  renderCitation: RenderCitation | undefined,
  dir?: "auto"
): ReactNode => {
  switch (block._tag) {
    case "Paragraph":
      return <p key={key} dir={dir}>{renderInlines(block.children, renderCitation)}</p>
    case "Heading":
      // The page and its questions have the first two levels.
      return createElement(
        `h${Math.min(block.level + 2, 6)}`,
        { key, dir },
        ...renderInlines(block.children, renderCitation)
      )
    case "Quote":
      return (
        <blockquote key={key} dir={dir}>
          {block.children.map((child, index) => renderBlock(child, index, renderCitation))}
        </blockquote>
      )
    case "List":
      return <ListView key={key} list={block} renderCitation={renderCitation} dir={dir} />
    case "Code":
      return <CodeBlock key={key} code={block} />
    case "Table":
      return <TableView key={key} table={block} renderCitation={renderCitation} dir={dir} />
    case "Rule":
      return <hr key={key} />
  }
}

interface PartProps {
  readonly renderCitation: RenderCitation | undefined
  readonly dir: "auto" | undefined
}

const ListView = ({ dir, list, renderCitation }: PartProps & { readonly list: List }): ReactNode => {
  const items = list.items.map((item, index) => (
    <li key={index} value={item.number} className={item.isDone === undefined ? undefined : style.task}>
      {item.isDone !== undefined && <TaskMark isDone={item.isDone} />}
      {item.children.map((child, index) =>
        renderBlock(child, index, renderCitation)
      )}
    </li>
  ))
  return list.isOrdered ? <ol dir={dir}>{items}</ol> : <ul dir={dir}>{items}</ul>
}

const TaskMark = ({ isDone }: { readonly isDone: NonNullable<ListItem["isDone"]> }): ReactNode => {
  const { done, open } = useMessages(textMessages)
  return (
    <span className={style.mark} role="img" aria-label={isDone ? done : open}>
      {isDone && <Icon name="check" />}
    </span>
  )
}

const TableView = ({ dir, renderCitation, table }: PartProps & { readonly table: Table }): ReactNode => {
  const messages = useMessages(textMessages)
  const [head, ...rows] = table.rows.map((cells) =>
    cells.map((cell, index) => ({
      className: style[table.columns[index] ?? "start"],
      content: renderInlines(cell, renderCitation)
    }))
  )
  return (
    <div className={style.table} tabIndex={0} role="region" aria-label={messages.table}>
      <table dir={dir}>
        <thead>
          <tr>{head?.map(({ className, content }, index) => <th key={index} className={className}>{content}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((cells, index) => (
            <tr key={index}>
              {cells.map(({ className, content }, index) => <td key={index} className={className}>{content}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const renderInlines = (
  parts: ReadonlyArray<Inline>,
  renderCitation: RenderCitation | undefined
): ReadonlyArray<ReactNode> =>
  parts.map((part, key) =>
    typeof part !== "string"
      ? renderInline(part, key, renderCitation)
      : renderCitation === undefined
      ? part
      : <Fragment key={key}>{renderCitations(part, renderCitation)}</Fragment>
  )

const elements = { Emphasis: "em", Strong: "strong", Deleted: "del" } as const

const renderInline = (
  part: Exclude<Inline, string>,
  key: number,
  renderCitation: RenderCitation | undefined
): ReactNode => {
  switch (part._tag) {
    case "InlineCode":
      return <code key={key}>{part.text}</code>
    case "Link":
      // No citation within it: a link contains no other control.
      return (
        <a key={key} href={part.href} title={part.title} target="_blank" rel="noopener noreferrer nofollow">
          {renderInlines(part.children, undefined)}
        </a>
      )
    default:
      return createElement(elements[part._tag], { key }, ...renderInlines(part.children, renderCitation))
  }
}

/** The end of a word and the citations after it. A whole word could be too long for a line. */
const citedWord = /([^\s[\]]{0,12}(?: ?\[\d{1,3}\]){1,4})/

/** Text with citations, each glued to the word before it, so that no line begins with a number. */
const renderCitations = (text: string, renderCitation: RenderCitation): ReadonlyArray<ReactNode> =>
  text.split(citedWord).map((part, index) =>
    index % 2 === 0 ? part : (
      <span key={index} className={style.glued}>
        {part.split(/( ?\[\d{1,3}\])/).map((part, index) =>
          index % 2 === 0
            ? part
            : <Fragment key={index}>{renderCitation(Number(part.replaceAll(/\D/g, "")), part)}</Fragment>
        )}
      </span>
    )
  )

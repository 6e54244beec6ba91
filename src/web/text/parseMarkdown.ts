/**
 * Reads Markdown (CommonMark and GitHub's tables, tasks, strikethrough and bare addresses) into blocks. Pure. Texts are
 * hostile: HTML, link definitions and references are no syntax here, no word is dropped, and what costs too much stays text.
 */
import { GFM, type MarkdownConfig, parser } from "@lezer/markdown"
import { MarkdownReader, maxNodes } from "./MarkdownReader.ts"
import type { TopBlock } from "./MarkdownTree.ts"

/** Beyond these the rest stays text, so that no text can hold up the page. Lengths are in UTF-16 units. */
const limits = { length: 40_000, lines: 2_000 }

/** A line that opens more containers than a reader could tell apart. */
const deepLine = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])[ \t])){25}/m

const space = 32
const newline = 10

/** Emphasis, links and addresses of one paragraph take time that grows with the square of their number. */
const isCrowded = (paragraph: string): boolean =>
  (paragraph.match(/[*_~[`@]|www\.|:\/\//gi)?.length ?? 0) > 300 || (paragraph.match(/\]\(/g)?.length ?? 0) > 100

/** Before the rules of the language: they would look at each of many spaces, and at each mark of a crowded paragraph. */
const inlineLimit: MarkdownConfig = {
  parseInline: [{
    name: "InlineLimit",
    before: "Escape",
    parse: (context, _next, position) => {
      if (position === context.offset && isCrowded(context.text)) return context.end
      let end = position
      while (context.char(end) === space) end++
      // Spaces before a newline are a hard break.
      return end > position && context.char(end) !== newline ? end : -1
    }
  }]
}

const markdown = parser.configure([GFM, inlineLimit, { remove: ["HTMLBlock", "HTMLTag", "LinkReference"] }])

/** A block, where it ends, and how many nodes could still be made after it. */
interface ReadBlock {
  readonly top: TopBlock
  readonly end: number
  readonly left: number
}

/** Reads a text, and reads it again when it has grown: then only from its last two blocks on. */
export class MarkdownParser {
  #text = ""
  #hasCitations = false
  #blocks: ReadonlyArray<ReadBlock> = []

  /** The blocks of a text in order. `hasCitations`: `[1]` is a citation, and so no link if an address follows. */
  parse(written: string, hasCitations: boolean): ReadonlyArray<TopBlock> {
    const text = written.replace(/\r\n?/g, "\n")
    const hasGrown = text.startsWith(this.#text) && hasCitations === this.#hasCitations
    // What is added can change the line it is added to, and so the last block, or end it and change the one before.
    const blocks = hasGrown ? this.#blocks.slice(0, -2) : []
    const { end: start, left } = blocks.at(-1) ?? { end: 0, left: maxNodes }
    blocks.push(...readBlocks(text, start, left, hasCitations))
    this.#text = text
    this.#hasCitations = hasCitations
    this.#blocks = blocks
    return blocks.map(({ top }) => top)
  }
}

/** The blocks from the end of another one on. */
const readBlocks = (text: string, start: number, left: number, hasCitations: boolean): ReadonlyArray<ReadBlock> => {
  let end = endOfMarkdown(text)
  const part = text.slice(start, end)
  const reader = new MarkdownReader(part, hasCitations, left)
  const blocks: Array<ReadBlock> = []
  for (let node = markdown.parse(part).topNode.firstChild; node !== null; node = node.nextSibling) {
    const line = part.lastIndexOf("\n", node.from - 1) + 1
    if (reader.isFull) {
      end = start + line
      break
    }
    const top = { source: part.slice(line, node.to), block: reader.block(node) }
    blocks.push({ top, end: start + node.to, left: reader.left })
  }
  const rest = text.slice(end)
  if (rest !== "") {
    const block = { _tag: "Paragraph", children: [rest] } as const
    blocks.push({ top: { source: rest, block }, end: text.length, left: 0 })
  }
  return blocks
}

/** The blocks of a text that is read once. */
export const parseMarkdown = (text: string, hasCitations = false): ReadonlyArray<TopBlock> =>
  new MarkdownParser().parse(text, hasCitations)

/** Where the part of a text ends that is read as Markdown. */
const endOfMarkdown = (text: string): number => {
  const ends = [text.length, limits.length]
  let lines = 0
  for (const { index } of text.matchAll(/\n/g)) if (++lines === limits.lines) ends.push(index)
  const deep = deepLine.exec(text)
  if (deep !== null) ends.push(deep.index)
  return Math.min(...ends)
}

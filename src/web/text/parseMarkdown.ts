/**
 * Reads Markdown (CommonMark and GitHub's tables, tasks, strikethrough and bare addresses) into blocks. Pure. Texts are
 * hostile: HTML, link definitions and references are no syntax here, no word is dropped, and what costs too much stays text.
 */
import { GFM, type MarkdownConfig, parser } from "@lezer/markdown"
import { MarkdownReader } from "./MarkdownReader.ts"
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

/** The blocks of a text in order. `hasCitations`: `[1]` is a citation, and so no link if an address follows. */
export const parseMarkdown = (written: string, hasCitations = false): ReadonlyArray<TopBlock> => {
  const text = written.replace(/\r\n?/g, "\n")
  let end = endOfMarkdown(text)
  const reader = new MarkdownReader(text, hasCitations)
  const blocks: Array<TopBlock> = []
  for (let node = markdown.parse(text.slice(0, end)).topNode.firstChild; node !== null; node = node.nextSibling) {
    const start = text.lastIndexOf("\n", node.from - 1) + 1
    if (reader.isFull) {
      end = start
      break
    }
    blocks.push({ source: text.slice(start, node.to), block: reader.block(node) })
  }
  const rest = text.slice(end)
  if (rest !== "") blocks.push({ source: rest, block: { _tag: "Paragraph", children: [rest] } })
  return blocks
}

/** Where the part of a text ends that is read as Markdown. */
const endOfMarkdown = (text: string): number => {
  const ends = [text.length, limits.length]
  let lines = 0
  for (const { index } of text.matchAll(/\n/g)) if (++lines === limits.lines) ends.push(index)
  const deep = deepLine.exec(text)
  if (deep !== null) ends.push(deep.index)
  return Math.min(...ends)
}

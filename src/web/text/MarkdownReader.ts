/**
 * Turns the nodes of a Markdown text into blocks. Pure. Only the characters of known marks are left out: everything else is
 * shown, as a part of the tree or as text.
 */
import type { SyntaxNode } from "@lezer/common"
import { bareAddress, linkAddress } from "./linkAddress.ts"
import { alignments, joinLines, marks, unescape } from "./MarkdownSyntax.ts"
import type { Block, Inline, ListItem, Table } from "./MarkdownTree.ts"

/** How many nodes a text may be made into. What follows stays text, so that no text can hold up the page. */
export const maxNodes = 1_000

/** How many containers may be nested. */
const maxDepth = 24

/** How many nodes a block of code counts as: it has a button and a region of its own. */
const codeWeight = 5

const emphases = { Emphasis: "Emphasis", StrongEmphasis: "Strong", Strikethrough: "Deleted" } as const

/** Reads the nodes of one text. */
export class MarkdownReader {
  readonly #text: string
  readonly #hasCitations: boolean
  #left: number

  /** `left`: how many nodes may still be made. */
  constructor(text: string, hasCitations: boolean, left: number) {
    this.#text = text
    this.#hasCitations = hasCitations
    this.#left = left
  }

  /** How many nodes may still be made. */
  get left(): number {
    return this.#left
  }

  /** Whether no more nodes may be made: what follows is to stay text. */
  get isFull(): boolean {
    return this.#left <= 0
  }

  /** A block, with all it contains. */
  block(node: SyntaxNode, depth = 0): Block {
    this.#left--
    if (depth >= maxDepth) return this.#plain(node.from, node.to)
    switch (node.name) {
      case "Blockquote":
        return { _tag: "Quote", children: this.#blocks(node, depth + 1) }
      case "BulletList":
      case "OrderedList":
        return { _tag: "List", isOrdered: node.name === "OrderedList", items: this.#items(node, depth + 1) }
      case "FencedCode":
      case "CodeBlock":
        return this.#code(node)
      case "Table":
        return this.#table(node)
      case "HorizontalRule":
        return { _tag: "Rule" }
      case "Paragraph":
      case "Task":
        return { _tag: "Paragraph", children: this.#content(node) }
      default: {
        const level = /^(?:ATX|Setext)Heading([1-6])$/.exec(node.name)?.[1]
        return level === undefined
          ? this.#plain(node.from, node.to)
          : { _tag: "Heading", level: Number(level), children: this.#content(node) }
      }
    }
  }

  #slice(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to)
  }

  #plain(from: number, to: number): Block {
    return { _tag: "Paragraph", children: [this.#text.slice(from, to)] }
  }

  #blocks(parent: SyntaxNode, depth: number): ReadonlyArray<Block> {
    const blocks: Array<Block> = []
    for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
      if (marks.has(node.name)) continue
      if (this.isFull) return [...blocks, this.#plain(node.from, parent.to)]
      blocks.push(this.block(node, depth))
    }
    return blocks
  }

  #items(list: SyntaxNode, depth: number): ReadonlyArray<ListItem> {
    const items: Array<ListItem> = []
    for (let node = list.firstChild; node !== null; node = node.nextSibling) {
      if (node.name !== "ListItem") continue
      if (this.isFull) {
        return [...items, { number: undefined, isDone: undefined, children: [this.#plain(node.from, list.to)] }]
      }
      this.#left--
      const task = node.getChild("Task")?.getChild("TaskMarker")
      items.push({
        number: list.name === "OrderedList" ? Number.parseInt(this.#slice(node), 10) : undefined,
        isDone: task == null ? undefined : this.#slice(task) !== "[ ]",
        children: this.#blocks(node, depth)
      })
    }
    return items
  }

  #code(node: SyntaxNode): Block {
    this.#left -= codeWeight
    const info = node.getChild("CodeInfo")
    return {
      _tag: "Code",
      info: info === null ? "" : this.#slice(info).trim(),
      text: node.getChildren("CodeText").map((text) => this.#slice(text)).join(""),
      isClosed: node.name === "CodeBlock" || node.getChildren("CodeMark").length > 1
    }
  }

  #table(node: SyntaxNode): Table {
    let columns: Table["columns"] = []
    const rows: Array<Table["rows"][number]> = []
    for (let row = node.firstChild; row !== null; row = row.nextSibling) {
      if (row.name === "TableDelimiter") columns = alignments(this.#slice(row))
      else if (this.isFull) return { _tag: "Table", columns, rows: [...rows, [[this.#text.slice(row.from, node.to)]]] }
      else if (!marks.has(row.name)) rows.push(this.#cells(row))
    }
    return { _tag: "Table", columns, rows }
  }

  /** The cells between the bars of a row; there is no node for an empty one. */
  #cells(row: SyntaxNode): ReadonlyArray<ReadonlyArray<Inline>> {
    const cells: Array<ReadonlyArray<Inline>> = []
    let cell: ReadonlyArray<Inline> | undefined
    for (let node = row.firstChild; node !== null; node = node.nextSibling) {
      if (this.isFull) return [...cells, [this.#text.slice(node.from, row.to)]]
      if (node.name === "TableCell") cell = this.#content(node)
      else if (node.name === "TableDelimiter" && node.from > row.from) {
        this.#left--
        cells.push(cell ?? [])
        cell = undefined
      }
    }
    return cell === undefined ? cells : [...cells, cell]
  }

  /** What stands in a block, without the space around it. */
  #content(node: SyntaxNode): ReadonlyArray<Inline> {
    const parts = [...this.#inlines(node, node.from, node.to, false)]
    const first = parts[0]
    if (typeof first === "string") parts[0] = first.trimStart()
    const last = parts.at(-1)
    if (typeof last === "string") parts[parts.length - 1] = last.trimEnd()
    return parts
  }

  /** The parts of a node between two positions. What no child covers is text, so nothing can be left out. */
  #inlines(parent: SyntaxNode, from: number, to: number, isInLink: boolean): ReadonlyArray<Inline> {
    const parts: Array<Inline> = []
    const add = (part: Inline) => {
      const last = parts.at(-1)
      if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part
      else if (part !== "") parts.push(part)
    }
    let position = from
    for (let node = parent.childAfter(from); node !== null && node.to <= to; node = node.nextSibling) {
      if (this.isFull) break
      add(this.#text.slice(position, node.from))
      position = node.to
      if (!marks.has(node.name)) { for (const part of this.#inline(node, isInLink)) add(part) }
    }
    add(this.#text.slice(position, to))
    return parts.map((part) => typeof part === "string" ? joinLines(part, "\n") : part)
  }

  #inline(node: SyntaxNode, isInLink: boolean): ReadonlyArray<Inline> {
    this.#left--
    switch (node.name) {
      case "Emphasis":
      case "StrongEmphasis":
      case "Strikethrough":
        return [{ _tag: emphases[node.name], children: this.#inlines(node, node.from, node.to, isInLink) }]
      case "InlineCode":
        return [{ _tag: "InlineCode", text: this.#inlineCode(node) }]
      case "HardBreak":
        return ["\n"]
      case "Escape":
        return [this.#slice(node).slice(1)]
      case "Link":
      case "Image": {
        const link = isInLink ? undefined : this.#link(node)
        return link === undefined ? this.#inlines(node, node.from, node.to, isInLink) : [link]
      }
      case "URL": {
        const text = this.#slice(node)
        const href = isInLink ? undefined : bareAddress(text)
        return href === undefined ? [text] : [{ _tag: "Link", href, title: undefined, children: [text] }]
      }
      default:
        return [this.#slice(node)]
    }
  }

  /** The text between backticks, on one line. */
  #inlineCode(node: SyntaxNode): string {
    const parts: Array<string> = []
    for (let mark = node.firstChild; mark?.nextSibling != null; mark = mark.nextSibling) {
      parts.push(this.#text.slice(mark.to, mark.nextSibling.from))
    }
    const written = joinLines(parts.join(""), " ")
    const text = node.parent?.name === "TableCell" ? written.replaceAll("\\|", "|") : written
    // A space on each side only keeps a backtick of the code from the marks.
    return text.startsWith(" ") && text.endsWith(" ") && text.trim() !== "" ? text.slice(1, -1) : text
  }

  /** A link with its address, or an image as a link; undefined if it may not be one. */
  #link(node: SyntaxNode): Inline | undefined {
    const [opening, closing] = node.getChildren("LinkMark")
    if (opening === undefined || closing === undefined) return undefined
    const url = node.getChildren("URL").find(({ from }) => from > closing.from)
    if (url === undefined) return undefined
    const href = linkAddress(this.#slice(url))
    const isCitation = this.#hasCitations && /^\d{1,3}$/.test(this.#text.slice(opening.to, closing.from))
    if (href === undefined || isCitation) return undefined
    const title = node.getChild("LinkTitle")
    const children = this.#inlines(node, opening.to, closing.from, true)
    return {
      _tag: "Link",
      href,
      title: title === null ? undefined : unescape(this.#slice(title).slice(1, -1)),
      children: children.length === 0 ? [href] : children
    }
  }
}

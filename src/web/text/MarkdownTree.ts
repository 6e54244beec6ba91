/**
 * What a text can be shown as: a closed set of blocks and inline parts. None of them is HTML, and none loads anything. What is
 * not in the set stays the characters that were written.
 */

/** A part of a line. A newline in a string is a line break. */
export type Inline =
  | string
  | { readonly _tag: "Emphasis" | "Strong" | "Deleted"; readonly children: ReadonlyArray<Inline> }
  | { readonly _tag: "InlineCode"; readonly text: string }
  | Link

/** A link out of the page, by http, https or mailto. */
export interface Link {
  readonly _tag: "Link"
  readonly href: string
  readonly title: string | undefined
  readonly children: ReadonlyArray<Inline>
}

/** A block of a text, or of another block. */
export type Block =
  | { readonly _tag: "Paragraph"; readonly children: ReadonlyArray<Inline> }
  | { readonly _tag: "Heading"; readonly level: number; readonly children: ReadonlyArray<Inline> }
  | { readonly _tag: "Quote"; readonly children: ReadonlyArray<Block> }
  | { readonly _tag: "Rule" }
  | List
  | Code
  | Table

/** A list. */
export interface List {
  readonly _tag: "List"
  readonly isOrdered: boolean
  readonly items: ReadonlyArray<ListItem>
}

/** An item of a list: its number if the list is ordered, and whether it is done if it is a task. */
export interface ListItem {
  readonly number: number | undefined
  readonly isDone: boolean | undefined
  readonly children: ReadonlyArray<Block>
}

/** A block of code. `info` is what follows the opening fence, mostly the language. */
export interface Code {
  readonly _tag: "Code"
  readonly info: string
  readonly text: string
  /** False for a fence that is still open: more code may come. */
  readonly isClosed: boolean
}

/** A table; the first row is its head. A row may have more cells than the head. */
export interface Table {
  readonly _tag: "Table"
  readonly columns: ReadonlyArray<"start" | "center" | "end">
  readonly rows: ReadonlyArray<ReadonlyArray<ReadonlyArray<Inline>>>
}

/** A block of the text itself, and the lines that it was read from: the same lines make the same block. */
export interface TopBlock {
  readonly source: string
  readonly block: Block
}

/** What the characters of Markdown mean, where the parser only says that they are there. */
import type { Table } from "./MarkdownTree.ts"

/** Nodes that are syntax alone: their characters are not shown. */
export const marks: ReadonlySet<string> = new Set([
  "CodeMark",
  "EmphasisMark",
  "HeaderMark",
  "ListMark",
  "QuoteMark",
  "StrikethroughMark",
  "TaskMarker"
])

/** Text without the backslashes that Markdown lets one write before a mark. */
export const unescape = (text: string): string => text.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1")

/** How the columns of a table are aligned, by the line below its head. */
export const alignments = (delimiter: string): Table["columns"] =>
  delimiter.replaceAll(/[^|:-]/g, "").replaceAll(/^\||\|$/g, "").split("|").map((cell) =>
    !cell.endsWith(":") ? "start" : cell.startsWith(":") ? "center" : "end"
  )

/** Lines without the space around their breaks: indentation belongs to their container. */
export const joinLines = (text: string, separator: string): string => {
  const lines = text.split("\n")
  const last = lines.length - 1
  return lines.map((line, index) => {
    const rest = index === 0 ? line : line.replace(/^[ \t]+/, "")
    return index === last ? rest : rest.trimEnd()
  }).join(separator)
}

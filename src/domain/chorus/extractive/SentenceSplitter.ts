/** Splits a text into the passages that can be quoted: sentences, list items, code blocks. Each is a part of its text, unchanged. */

/** A part of a text; `heading` is the nearest heading above it. */
export interface Passage {
  readonly kind: "prose" | "code"
  readonly text: string
  readonly heading: string
}

const maxPassageLength = 900
const codeFence = /^\s{0,3}(`{3,}|~{3,})/
const headingLine = /^\s{0,3}#{1,6}\s(.*)$/
const listItemLine = /^\s*(?:[-*+]|\d{1,3}[.)])\s+/
const sentenceEnd = /(?<=[.!?]["')\]*_`]?)\s{1,8}(?=["'([*_`]?[\p{Lu}\p{N}])/u

/** The passages of a Markdown or plain text in order, without truncated ones, ones of a single word, and ones over 900 units. */
export const splitPassages = (text: string): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let heading = ""
  let block: Array<string> = []
  let code: { readonly close: string; readonly lines: Array<string> } | undefined
  const flush = () => {
    for (const sentence of block.join("\n").split(sentenceEnd)) addPassage(passages, "prose", sentence, heading)
    block = []
  }
  for (const line of text.split("\n")) {
    const fenceMarker = codeFence.exec(line)?.[1]
    if (code !== undefined) {
      if (fenceMarker?.startsWith(code.close) === true) {
        addPassage(passages, "code", code.lines.join("\n"), heading)
        code = undefined
      } else code.lines.push(line)
      continue
    }
    const title = headingLine.exec(line)?.[1]
    if (fenceMarker !== undefined || title !== undefined || line.trim() === "" || listItemLine.test(line)) flush()
    if (fenceMarker !== undefined) code = { close: fenceMarker, lines: [] }
    else if (title !== undefined) heading = title.trim()
    else block.push(line.replace(listItemLine, ""))
  }
  flush()
  // The text was truncated within a code block.
  if (code !== undefined) addPassage(passages, "code", code.lines.join("\n"), heading)
  return passages
}

const addPassage = (passages: Array<Passage>, kind: Passage["kind"], text: string, heading: string): void => {
  const trimmed = kind === "prose" ? text.trim() : text.trimEnd().replace(/^\n+/, "")
  // An ellipsis marks a truncated text, which is no quote.
  if (
    trimmed.length <= maxPassageLength && !trimmed.endsWith("…") && (trimmed.match(/[\p{L}\p{N}]+/gu)?.length ?? 0) > 1
  ) {
    passages.push({ kind, text: trimmed, heading })
  }
}

/**
 * Texts taken apart into the pieces that can be quoted: sentences, list items,
 * blocks of code. Each is a part of its text, character for character.
 */

/** A piece of a text. `heading` is the nearest heading above it. */
export interface Unit {
  readonly kind: "prose" | "code"
  readonly text: string
  readonly heading: string
}

const longest = 900
const fence = /^\s{0,3}(`{3,}|~{3,})/
const headingLine = /^\s{0,3}#{1,6}\s(.*)$/
const itemLine = /^\s*(?:[-*+]|\d{1,3}[.)])\s+/
const sentenceEnd = /(?<=[.!?]["')\]*_`]?)\s{1,8}(?=["'([*_`]?[\p{Lu}\p{N}])/u

/** The pieces of a Markdown or plain text, in order. Pieces that were cut, of fewer than two words, or over 900 units are left out. */
export const split = (text: string): ReadonlyArray<Unit> => {
  const units: Array<Unit> = []
  let heading = ""
  let block: Array<string> = []
  let code: { readonly close: string; readonly lines: Array<string> } | undefined
  const flush = () => {
    for (const sentence of block.join("\n").split(sentenceEnd)) keep(units, "prose", sentence, heading)
    block = []
  }
  for (const line of text.split("\n")) {
    const fenced = fence.exec(line)?.[1]
    if (code !== undefined) {
      if (fenced?.startsWith(code.close) === true) {
        keep(units, "code", code.lines.join("\n"), heading)
        code = undefined
      } else code.lines.push(line)
      continue
    }
    const title = headingLine.exec(line)?.[1]
    if (fenced !== undefined || title !== undefined || line.trim() === "" || itemLine.test(line)) flush()
    if (fenced !== undefined) code = { close: fenced, lines: [] }
    else if (title !== undefined) heading = title.trim()
    else block.push(line.replace(itemLine, ""))
  }
  flush()
  // A text that was cut inside a block of code: what is there of it is still code.
  if (code !== undefined) keep(units, "code", code.lines.join("\n"), heading)
  return units
}

const keep = (units: Array<Unit>, kind: Unit["kind"], text: string, heading: string): void => {
  const trimmed = kind === "prose" ? text.trim() : text.trimEnd().replace(/^\n+/, "")
  // What ends with an ellipsis was cut, and stands nowhere like that.
  if (trimmed.length <= longest && !trimmed.endsWith("…") && (trimmed.match(/[\p{L}\p{N}]+/gu)?.length ?? 0) > 1) {
    units.push({ kind, text: trimmed, heading })
  }
}

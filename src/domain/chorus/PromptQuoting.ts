/**
 * Sections of a prompt that hold other people's text (CHO11).
 *
 * Every line of such text starts with `|`, and lines of ours with `<`. What
 * stands in a section therefore cannot end it, whatever it says: a line of
 * text never becomes a line of ours.
 */
import { cut } from "../protocol/Text.ts"

/** A section: `<name key="value">`, quoted lines, `</name>`. */
export interface Section {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
}

/** Whatever some reader takes for the end of a line. */
const lineBreaks = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g

/**
 * Text as it may stand in a prompt. Line ends become one kind, and what looks like a tag of ours or like the answer's
 * marker is taken apart: by exchanging single characters, so that every other character stays where it was.
 */
export const escapeText = (text: string): string =>
  text.toWellFormed()
    .replaceAll(lineBreaks, "\n")
    .replaceAll(/<(?=[\s/]*(?:task|question|line|prior|output|note)\b)/gi, "‹")
    .replaceAll(/<(?=<)|(?<=<)</g, "‹")

/** Cuts a text to `max` UTF-16 units, without splitting a character; a cut text ends with an ellipsis. */
export const truncate = (text: string, max: number): string => {
  if (text.length <= max) return text
  return `${cut(text, max - 1)}…`
}

/** Writes a section. The quoted text is at most `max` units long, quoting included. */
export const writeSection = (
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  text: string,
  max: number
): string => {
  const attributeText = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`)
    .join("")
  const quoted = escapeText(text).split("\n").map((line) => line === "" ? "|" : `| ${line}`).join("\n")
  // A cut right behind a line's end must not leave a line without its bar.
  return `<${name}${attributeText}>\n${truncate(quoted, max).replace(/\n…$/, "…")}\n</${name}>`
}

/** An attribute's value: short, and of characters that mean nothing. */
const escapeAttribute = (value: string): string => value.replaceAll(/[^A-Za-z0-9._~:-]/g, "_").slice(0, 64)

/** Reads sections back; lines between them are skipped. */
export const parseSections = (prompt: string): ReadonlyArray<Section> => {
  const sections: Array<Section> = []
  let open: { name: string; attributes: Record<string, string>; lines: Array<string> } | undefined
  for (const line of prompt.split("\n")) {
    if (line.startsWith("|")) {
      open?.lines.push(line.slice(line.startsWith("| ") ? 2 : 1))
    } else if (open !== undefined && line === `</${open.name}>`) {
      sections.push({ name: open.name, attributes: open.attributes, text: open.lines.join("\n") })
      open = undefined
    } else {
      const tag = /^<([a-z]+)((?: [a-z]+="[^"]*")*)>$/.exec(line)
      if (tag === null) continue
      const attributes = Object.fromEntries(
        [...(tag[2] ?? "").matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])
      )
      open = { name: tag[1] ?? "", attributes, lines: [] }
    }
  }
  return sections
}

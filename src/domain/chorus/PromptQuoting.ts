/**
 * Sections of a prompt that hold text written by users or models (CHO11, SEC30).
 *
 * Every line of such text starts with `|`, every line of the prompt itself with `<`. A quoted text can therefore neither
 * end its section nor begin another.
 */
import { cut } from "../protocol/Text.ts"

/** A section: `<name key="value">`, quoted lines, `</name>`. */
export interface Section {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
}

/** Every character that a model may take for a line break. */
const lineBreaks = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g

/**
 * CHO11: the text with uniform line breaks, and without anything that looks like a tag of the prompt or like the
 * delimiter of answers. Single characters are replaced, so that every other character keeps its place.
 */
export const escapeText = (text: string): string =>
  text.toWellFormed()
    .replaceAll(lineBreaks, "\n")
    .replaceAll(/<(?=[\s/]*(?:task|question|line|prior|output|note)\b)/gi, "‹")
    .replaceAll(/<(?=<)|(?<=<)</g, "‹")

/** At most `max` UTF-16 units of a text; a truncated text ends with an ellipsis. */
export const truncate = (text: string, max: number): string => {
  if (text.length <= max) return text
  return `${cut(text, max - 1)}…`
}

/** A section; its quoted text has at most `max` units, the quoting included. */
export const writeSection = (
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  text: string,
  max: number
): string => {
  const attributeText = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`)
    .join("")
  const quoted = escapeText(text).split("\n").map((line) => line === "" ? "|" : `| ${line}`).join("\n")
  // A cut after a line break would leave a line without its bar.
  return `<${name}${attributeText}>\n${truncate(quoted, max).replace(/\n…$/, "…")}\n</${name}>`
}

/** An attribute's value: at most 64 characters, none of which has a meaning in a section. */
const escapeAttribute = (value: string): string => value.replaceAll(/[^A-Za-z0-9._~:-]/g, "_").slice(0, 64)

/** The sections of a prompt, for the extractive model; lines between them are skipped. */
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

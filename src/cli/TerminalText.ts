/**
 * Text for a terminal that others may have written: nothing in it can move the cursor, change the terminal, or turn the
 * order of characters around. Emphasis is data beside the text, so that no text can contain it.
 */
import { erasedMark } from "../domain/topic/SealedText.ts"

/** How a part is set off: names and headings, or remarks. */
interface Emphasised {
  readonly emphasis: "name" | "aside"
  readonly text: string
}

/** Parts in the order in which they are printed. */
export type TerminalText = ReadonlyArray<string | Emphasised>

/** A name or a heading. */
export const name = (text: string): Emphasised => ({ emphasis: "name", text })

/** A remark. */
export const aside = (text: string): Emphasised => ({ emphasis: "aside", text })

/** Control characters, bidirectional embeddings, overrides and isolates, and the line separators of Unicode. */
const unsafe = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu

const replace = (character: string): string => {
  const code = character.charCodeAt(0)
  if (character === "\n" || character === "\t") return character
  // The control pictures of Unicode: ␛ for escape.
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\uFFFD"
}

/** The text with each unsafe character but line breaks and tabs replaced by a visible one, whatever text comes before it. */
export const makeVisible = (text: string): string => text.replace(unsafe, replace)

/** ANSI bold and dim. */
const openings = { name: "\u001b[1m", aside: "\u001b[2m" } as const

/** The characters to print: with ANSI emphasis, or plain. */
export const encode = (text: TerminalText, ansi: boolean): string =>
  text.map((part) =>
    typeof part === "string"
      ? makeVisible(part)
      : ansi
      ? `${openings[part.emphasis]}${makeVisible(part.text)}\u001b[0m`
      : makeVisible(part.text)
  ).join("")

/** Further lines indented, so that no text can look like the line of somebody else. */
export const indent = (text: string): string => text.replace(/\n(?!\n|$)/g, "\n  ")

/** What somebody wrote; the mark of an erased text is set off (TOP10). */
export const body = (text: string): TerminalText[number] => text === erasedMark ? aside(text) : indent(text)

/** `1 file`, `2 files`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`

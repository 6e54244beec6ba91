/**
 * Texts cut into pieces that a thread takes: at headings, then between
 * paragraphs, then between lines, then anywhere; and pieces put together into
 * commands whose ids follow from what is in them.
 */
import { createHash } from "node:crypto"
import { utf8Length } from "../domain/kinds/Text.ts"

/** Bytes of UTF-8 in a piece, at most. */
export const maxBytes = 8_192

export interface Piece {
  readonly content: string
  /** The path it came from, within the folder. */
  readonly source: string
}

/** The pieces of one text, in order; nothing but whitespace between them is lost. */
export const split = (text: string, limit: number = maxBytes): ReadonlyArray<string> =>
  sections(text.replace(/\r\n?/g, "\n")).flatMap((section) => pack(section.split(/\n[ \t]*\n/), "\n\n", limit))
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "")

/** From one heading to the next; a `#` inside a code block is none. */
const sections = (text: string): ReadonlyArray<string> => {
  const found: Array<Array<string>> = [[]]
  let fenced = false
  for (const line of text.split("\n")) {
    if (/^\s*(?:```|~~~)/.test(line)) fenced = !fenced
    if (!fenced && /^#{1,6}\s/.test(line)) found.push([])
    found.at(-1)?.push(line)
  }
  return found.map((lines) => lines.join("\n"))
}

/** Parts put together as long as they fit; one that does not fit by itself is cut further. */
const pack = (parts: ReadonlyArray<string>, glue: string, limit: number): ReadonlyArray<string> => {
  const packed: Array<string> = []
  let open: string | undefined
  for (const part of parts) {
    const joined: string = open === undefined ? part : open + glue + part
    if (utf8Length(joined) <= limit) {
      open = joined
      continue
    }
    if (open !== undefined) packed.push(open)
    open = undefined
    if (utf8Length(part) <= limit) open = part
    else packed.push(...(glue === "\n\n" ? pack(part.split("\n"), "\n", limit) : chop(part, limit)))
  }
  return open === undefined ? packed : [...packed, open]
}

/** A line that is too long by itself, cut between characters. */
const chop = (line: string, limit: number): ReadonlyArray<string> => {
  const cut: Array<string> = []
  let piece = ""
  let bytes = 0
  for (const character of line) {
    const more = utf8Length(character)
    if (bytes + more > limit) {
      cut.push(piece)
      piece = ""
      bytes = 0
    }
    piece += character
    bytes += more
  }
  return [...cut, piece]
}

/** The namespace of our ids: chosen once, and never to change. */
const namespace = Buffer.from("6f8a3f5e1c3d4a7e9b1d52c07a4e8d11", "hex")

/** A UUIDv5 (RFC 9562) of a thread and what is brought into it: sent twice, it is the same command. */
export const idOf = (thread: string, pieces: ReadonlyArray<Piece>): string => {
  const named = JSON.stringify([thread, ...pieces.map(({ content, source }) => [source, content])])
  const hash = createHash("sha1").update(namespace).update(named).digest()
  hash[6] = hash[6]! & 0x0f | 0x50
  hash[8] = hash[8]! & 0x3f | 0x80
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}

/** What tells a piece from every other: where it stands and what it says. */
export const keyOf = ({ content, source }: { readonly content: string; readonly source: string | null }): string =>
  JSON.stringify([source, content])

/** The pieces of a file. What a file says twice is one piece. */
export const ofFile = (source: string, text: string): ReadonlyArray<Piece> =>
  [...new Set(split(text))].map((content) => ({ content, source }))

/** Pieces in one command, at most; its message has to fit a frame of 64 KB with room to spare. */
const batchPieces = 64
const batchBytes = 56_000

/** Pieces in order, as many together as one command may carry. */
export const batches = (pieces: ReadonlyArray<Piece>): ReadonlyArray<ReadonlyArray<Piece>> => {
  const packed: Array<Array<Piece>> = []
  let room = 0
  for (const piece of pieces) {
    const bytes = utf8Length(JSON.stringify(piece)) + 1
    const last = packed.at(-1)
    if (last === undefined || last.length === batchPieces || bytes > room) {
      packed.push([piece])
      room = batchBytes - bytes
    } else {
      last.push(piece)
      room -= bytes
    }
  }
  return packed
}

/**
 * Texts cut into pieces that a thread takes: at headings, then between
 * paragraphs, then between lines, then anywhere; and pieces put together into
 * commands whose ids follow from what is in them.
 */
import { createHash } from "node:crypto"
import { utf8ByteLength } from "../domain/topic/MessageContent.ts"

/** Bytes of UTF-8 in a piece, at most. */
export const maxChunkBytes = 8_192

export interface MarkdownChunk {
  readonly content: string
  /** The path it came from, within the folder. */
  readonly source: string
}

/** The pieces of one text, in order; nothing but whitespace between them is lost. */
export const splitText = (text: string, limit: number = maxChunkBytes): ReadonlyArray<string> =>
  splitSections(text.replace(/\r\n?/g, "\n")).flatMap((section) =>
    packParts(section.split(/\n[ \t]*\n/), "\n\n", limit)
  )
    .map((chunk) => chunk.trim())
    .filter((chunk) => chunk !== "")

/** From one heading to the next; a `#` inside a code block is none. */
const splitSections = (text: string): ReadonlyArray<string> => {
  const groups: Array<Array<string>> = [[]]
  let inCodeBlock = false
  for (const line of text.split("\n")) {
    if (/^\s*(?:```|~~~)/.test(line)) inCodeBlock = !inCodeBlock
    if (!inCodeBlock && /^#{1,6}\s/.test(line)) groups.push([])
    groups.at(-1)?.push(line)
  }
  return groups.map((lines) => lines.join("\n"))
}

/** Parts put together as long as they fit; one that does not fit by itself is cut further. */
const packParts = (parts: ReadonlyArray<string>, separator: string, limit: number): ReadonlyArray<string> => {
  const packed: Array<string> = []
  let current: string | undefined
  for (const part of parts) {
    const joined: string = current === undefined ? part : current + separator + part
    if (utf8ByteLength(joined) <= limit) {
      current = joined
      continue
    }
    if (current !== undefined) packed.push(current)
    current = undefined
    if (utf8ByteLength(part) <= limit) current = part
    else packed.push(...(separator === "\n\n" ? packParts(part.split("\n"), "\n", limit) : splitLine(part, limit)))
  }
  return current === undefined ? packed : [...packed, current]
}

/** A line that is too long by itself, cut between characters. */
const splitLine = (line: string, limit: number): ReadonlyArray<string> => {
  const chunks: Array<string> = []
  let chunk = ""
  let bytes = 0
  for (const character of line) {
    const size = utf8ByteLength(character)
    if (bytes + size > limit) {
      chunks.push(chunk)
      chunk = ""
      bytes = 0
    }
    chunk += character
    bytes += size
  }
  return [...chunks, chunk]
}

/** The namespace of our ids: chosen once, and never to change. */
const namespace = Buffer.from("6f8a3f5e1c3d4a7e9b1d52c07a4e8d11", "hex")

/** A UUIDv5 (RFC 9562) of a thread and what is brought into it: sent twice, it is the same command. */
export const importCommandId = (thread: string, chunks: ReadonlyArray<MarkdownChunk>): string => {
  const key = JSON.stringify([thread, ...chunks.map(({ content, source }) => [source, content])])
  const hash = createHash("sha1").update(namespace).update(key).digest()
  hash[6] = hash[6]! & 0x0f | 0x50
  hash[8] = hash[8]! & 0x3f | 0x80
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}

/** What tells a piece from every other: where it stands and what it says. */
export const chunkKey = ({ content, source }: { readonly content: string; readonly source: string | null }): string =>
  JSON.stringify([source, content])

/** The pieces of a file. What a file says twice is one piece. */
export const chunkFile = (source: string, text: string): ReadonlyArray<MarkdownChunk> =>
  [...new Set(splitText(text))].map((content) => ({ content, source }))

/** Pieces in one command, at most; its message has to fit a frame of 64 KB with room to spare. */
const maxBatchChunks = 64
const maxBatchBytes = 56_000

/** Pieces in order, as many together as one command may carry. */
export const batchChunks = (chunks: ReadonlyArray<MarkdownChunk>): ReadonlyArray<ReadonlyArray<MarkdownChunk>> => {
  const batches: Array<Array<MarkdownChunk>> = []
  let remaining = 0
  for (const chunk of chunks) {
    const bytes = utf8ByteLength(JSON.stringify(chunk)) + 1
    const last = batches.at(-1)
    if (last === undefined || last.length === maxBatchChunks || bytes > remaining) {
      batches.push([chunk])
      remaining = maxBatchBytes - bytes
    } else {
      last.push(chunk)
      remaining -= bytes
    }
  }
  return batches
}

/**
 * Splits a Markdown file for `choir import`: sections at its headings, chunks that a message can hold, and commands
 * whose ids derive from their content, so that an import can be repeated. `TextChunker` splits the sections.
 */
import { type ChunkingPolicy, cutIndexUtf8, splitIntoChunks } from "../domain/search/TextChunker.ts"
import { utf8ByteLength } from "../domain/topic/MessageContent.ts"
import { uuidV5 } from "../layers/runtime/UuidV5.ts"

/** A part of a file, as one message of the thread. */
export interface MarkdownChunk {
  readonly content: string
  /** The file's path within the imported folder. */
  readonly source: string
}

/** Chunks of a section: at most 8,192 bytes of UTF-8; paragraphs together as far as they fit, else lines, else parts of a line. */
export const messageChunks: ChunkingPolicy = {
  limit: 8_192,
  cutIndex: cutIndexUtf8,
  separators: [/\n\n/g, /\n/g],
  minFill: 0,
  nested: true
}

/** The chunks of a Markdown text in order: no chunk spans a heading. Only white space between chunks is dropped. */
export const splitMarkdown = (text: string, policy: ChunkingPolicy = messageChunks): ReadonlyArray<string> =>
  splitSections(text.replace(/\r\n?/g, "\n")).flatMap((section) =>
    splitIntoChunks(section.replace(/\n[ \t]*\n/g, "\n\n"), policy)
  )

/** From one heading to the next; a `#` inside a code block is not a heading. */
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

/** The namespace of import ids (RFC 9562). Fixed: another value would import everything a second time. */
const importNamespace = Buffer.from("6f8a3f5e1c3d4a7e9b1d52c07a4e8d11", "hex")

/** The id of the command that imports these chunks into the thread: a repeated import is the same command (SYN4). */
export const importCommandId = (thread: string, chunks: ReadonlyArray<MarkdownChunk>): string =>
  uuidV5(importNamespace, JSON.stringify([thread, ...chunks.map(({ content, source }) => [source, content])]))

/** Identifies a chunk among all messages of a thread. */
export const chunkKey = ({ content, source }: { readonly content: string; readonly source: string | null }): string =>
  JSON.stringify([source, content])

/** The chunks of a file; repeated content is one chunk. */
export const chunkFile = (source: string, text: string): ReadonlyArray<MarkdownChunk> =>
  [...new Set(splitMarkdown(text))].map((content) => ({ content, source }))

/** Limits of one command: its frame may have 64 KB. */
const maxBatchChunks = 64
const maxBatchBytes = 56_000

/** The chunks in order, as many per command as its limits permit. */
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

/**
 * Splits a Markdown file for `choir import`: sections at its headings, chunks that a message can hold, and commands
 * whose ids derive from their content, so that an import can be repeated. `TextChunker` splits the sections.
 */
import { createHmac } from "node:crypto"
import { type ChunkingPolicy, cutIndexUtf8, splitIntoChunks } from "../domain/search/TextChunker.ts"
import { utf8ByteLength, validateContent } from "../domain/topic/MessageContent.ts"
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

/** How many lines the front matter has, with the lines of dashes around it; 0 without one. */
const frontMatterLength = (lines: ReadonlyArray<string>): number =>
  lines[0]?.trimEnd() === "---"
    ? lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line)) + 1
    : 0

/**
 * The fence of the code block after this line, as CommonMark has it: a block ends with a fence of the same character, at
 * least as long, and alone on its line.
 */
const fenceAfter = (fence: string | undefined, line: string): string | undefined => {
  const text = line.trimStart()
  const [marks] = /^(?:`{3,}|~{3,})/.exec(text) ?? [""]
  if (marks === "") return fence
  const rest = text.slice(marks.length)
  if (fence === undefined) return marks.startsWith("`") && rest.includes("`") ? undefined : marks
  return marks.startsWith(fence) && rest.trim() === "" ? undefined : fence
}

/** The front matter, then from one heading to the next; a `#` inside a code block is not a heading. */
const splitSections = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  const start = frontMatterLength(lines)
  const groups: Array<Array<string>> = [lines.slice(0, start), []]
  let fence: string | undefined
  for (const line of lines.slice(start)) {
    fence = fenceAfter(fence, line)
    if (fence === undefined && /^#{1,6}\s/.test(line)) groups.push([])
    groups.at(-1)?.push(line)
  }
  return groups.map((lines) => lines.join("\n"))
}

/** The namespace of import ids (RFC 9562). Fixed: another value would import everything a second time. */
const importNamespace = Buffer.from("6f8a3f5e1c3d4a7e9b1d52c07a4e8d11", "hex")

/** The HMAC by the user's secret: the same each time, and not to be guessed without it. */
const keyed = (secret: string, text: string): string =>
  createHmac("sha256", secret.trim()).update(text).digest("base64url")

/**
 * The id of the command by which this user imports these chunks into the thread: a repeated import is the same command
 * (SYN4). It stays in the log when the text is erased, and so must not tell whether a guess of the text is right (TOP10).
 */
export const importCommandId = (secret: string, thread: string, chunks: ReadonlyArray<MarkdownChunk>): string => {
  const content = JSON.stringify([thread, ...chunks.map(({ content, source }) => [source, content])])
  return uuidV5(importNamespace, keyed(secret, `choir/import-id/1\n${content}`))
}

/** The salt of that command's texts: the same for each repeat (TOP10). */
export const importSalt = (secret: string, id: string): string => keyed(secret, `choir/import-salt/1\n${id}`)

/** Identifies a chunk among all messages of a thread. */
export const chunkKey = ({ content, source }: MarkdownChunk): string => JSON.stringify([source, content])

/** The chunks of a file that can be messages; repeated content is one chunk. */
export const chunkFile = (source: string, text: string): ReadonlyArray<MarkdownChunk> =>
  [...new Set(splitMarkdown(text))].filter((content) => validateContent(content) === undefined).map((content) => ({
    content,
    source
  }))

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

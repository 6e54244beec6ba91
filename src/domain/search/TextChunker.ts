/**
 * Splits a text into chunks of a limited size, at the coarsest separator that fits. The one chunking algorithm: the
 * search index and `choir import` differ in their policy only.
 *
 * Point ids depend on the number of a chunk, import ids on its content: a policy in use must not change.
 */
import { cutIndex } from "../protocol/Text.ts"
import { utf8ByteLength } from "../topic/MessageContent.ts"

/** How a text is split. */
export interface ChunkingPolicy {
  /** The largest size of a chunk, in the unit that `cutIndex` measures. */
  readonly limit: number
  /** The largest index at which a text can be cut so that the part before it has at most size `limit`. */
  readonly cutIndex: (text: string, limit: number) => number
  /** Separators between chunks, the most preferred first; each matches white space only, and is a global pattern. */
  readonly separators: ReadonlyArray<RegExp>
  /** A separator in this first share of a chunk is passed over for a less preferred one further on. */
  readonly minFill: number
  /**
   * Whether a part between two separators is kept by itself when it is too large: its last chunk is then not joined
   * with the text that follows it, and white space counts. Otherwise the text is one stream of trimmed chunks.
   */
  readonly nested: boolean
}

/** Chunks for embedding: at most 1,500 UTF-16 units, ending with a paragraph, a line, a sentence or a word. */
export const embeddingChunks: ChunkingPolicy = {
  limit: 1500,
  cutIndex,
  separators: [/\n\s*\n/g, /\n/g, /(?<=[.!?…。])\s/g, /\s/g],
  minFill: 1 / 3,
  nested: false
}

/** The largest number of chunks for embedding of a text with `length` UTF-16 units: each takes more than its least fill. */
export const maxChunkCount = (length: number): number =>
  Math.ceil(length / (embeddingChunks.limit * embeddingChunks.minFill))

/** As `Text.cutIndex`, but `maxBytes` are bytes of UTF-8. */
export const cutIndexUtf8 = (text: string, maxBytes: number): number => {
  let index = 0
  let bytes = 0
  for (const character of text) {
    bytes += utf8ByteLength(character)
    if (bytes > maxBytes) return index
    index += character.length
  }
  return index
}

/** The chunks in order, without the white space between them; none for a blank text. */
export const splitIntoChunks = (text: string, policy: ChunkingPolicy = embeddingChunks): ReadonlyArray<string> =>
  split(policy.nested ? text : text.trim(), policy, policy.separators)
    .map((chunk) => chunk.trim())
    .filter((chunk) => chunk !== "")

const split = (
  text: string,
  policy: ChunkingPolicy,
  separators: ReadonlyArray<RegExp>
): ReadonlyArray<string> => {
  const chunks: Array<string> = []
  let rest = text
  for (;;) {
    const end = policy.cutIndex(rest, policy.limit)
    if (end >= rest.length) return [...chunks, rest]
    const { after, parts } = splitFirst(rest, end, policy, separators)
    chunks.push(...parts)
    rest = policy.nested ? rest.slice(after) : rest.slice(after).trimStart()
  }
}

/** The first chunk of a text of which only `end` units fit, or all chunks of its first part, and where the rest begins. */
const splitFirst = (
  text: string,
  end: number,
  policy: ChunkingPolicy,
  separators: ReadonlyArray<RegExp>
): { readonly parts: ReadonlyArray<string>; readonly after: number } => {
  // A separator has to fit in a stream; between nested parts it is not in a chunk.
  const window = policy.nested ? text : text.slice(0, end)
  for (const separator of policy.nested ? separators.slice(0, 1) : separators) {
    const match = lastMatch(window, separator, end)
    if (match === undefined) continue
    const after = match.index + match[0].length
    if (after > policy.limit * policy.minFill) return { parts: [text.slice(0, match.index)], after }
  }
  const [separator, ...finer] = separators
  if (!policy.nested || separator === undefined) {
    const at = end > 0 ? end : String.fromCodePoint(text.codePointAt(0) ?? 0).length
    return { parts: [text.slice(0, at)], after: at }
  }
  const [match] = text.matchAll(separator)
  return match === undefined
    ? { parts: split(text, policy, finer), after: text.length }
    : { parts: split(text.slice(0, match.index), policy, finer), after: match.index + match[0].length }
}

/** The last match that begins at or before `end`. */
const lastMatch = (text: string, pattern: RegExp, end: number): RegExpExecArray | undefined => {
  let last: RegExpExecArray | undefined
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) break
    last = match
  }
  return last
}

/** How large and how fragmented an incoming message may be (SEC12, SEC13). */
import type { Limits } from "../protocol/Limits.ts"

/** The limits of the frame parser. */
export interface ParserLimits {
  /** Bytes of a message; a larger one ends in 1009 before it is buffered. */
  readonly maxPayload: number
  /** Frames of one message. */
  readonly maxFragments: number
  /** Chunks that the parser buffers of a frame that is incomplete. */
  readonly maxBufferedChunks: number
}

/**
 * SEC12, SEC13: the parser's limits. One-byte fragments cost memory per fragment, not per byte, so they are counted.
 */
export const parserLimits = ({ frameBytes }: Pick<Limits, "frameBytes">): ParserLimits => ({
  maxPayload: frameBytes,
  maxFragments: 64,
  maxBufferedChunks: 1_024
})

/**
 * SEC12: whether a text of this many UTF-16 code units may exceed the limit, so that its bytes must be counted: a code
 * unit is at most three bytes of UTF-8.
 */
export const mayBeOverLimit = (codeUnits: number, { frameBytes }: Pick<Limits, "frameBytes">): boolean =>
  codeUnits * 3 > frameBytes

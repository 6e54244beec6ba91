/**
 * Which messages share a frame (SYN9): ephemeral messages of one topic within
 * one turn of the event loop. Lengths are UTF-16 code units.
 */
import type { Lane } from "./Lane.ts"

/** Total length of one frame: up to about this size a write costs the same. */
export const maxBatchLength = 16_384

/** From this length on a message gets a frame of its own, which can be compressed (CON9). */
export const maxAppendLength = 1_024

/** SYN9: whether a message may share a frame. Durable frames, streams and replies never do. */
export const isBatchable = (lane: Lane["_tag"], length: number): boolean =>
  lane === "Ephemeral" && length < maxAppendLength

/** SYN9: whether a message fits in a batch that already has `batchLength`. */
export const fitsBatch = (batchLength: number, lane: Lane["_tag"], length: number): boolean =>
  isBatchable(lane, length) && batchLength + length <= maxBatchLength

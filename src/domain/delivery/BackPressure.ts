/**
 * Back-pressure: what happens to a frame for a connection that reads slowly
 * (CON8, SEC27, FLT9). Sizes are bytes. Called for every frame of every
 * connection, so these functions take numbers and allocate nothing.
 */
import type { Limits } from "../protocol/Limits.ts"
import type { Lane } from "./Lane.ts"

/** The decision on one frame. */
export type FrameDecision =
  /** Append it to the send queue. */
  | "enqueue"
  /** Withhold it; the connection gets a catch-up of its topic later. */
  | "coalesce"
  /** Withhold it in place of an older one with the same key. */
  | "keepLatest"

/**
 * CON8: with more than `outboxFold` bytes pending, durable and stream frames are coalesced per topic, and of ephemeral
 * ones only the latest per key is kept. Replies are always queued. An ephemeral frame whose predecessor is withheld is
 * withheld as well, whatever is pending: otherwise the older frame would arrive last.
 */
export const decideFrame = (
  lane: Lane["_tag"],
  pendingBytes: number,
  hasOlderWithheld: boolean,
  { outboxFold }: Pick<Limits, "outboxFold">
): FrameDecision => {
  if (lane === "Reply" || (pendingBytes <= outboxFold && !hasOlderWithheld)) return "enqueue"
  return lane === "Ephemeral" ? "keepLatest" : "coalesce"
}

/**
 * SEC27, FLT9: whether a connection has exceeded `outboxMax` and must be closed with 4008. `pendingBytes` is what was
 * pending before the newest frame, the socket's own buffer included. `snapshotBytes` are not counted (CON8).
 */
export const isOverLimit = (
  pendingBytes: number,
  snapshotBytes: number,
  { outboxMax }: Pick<Limits, "outboxMax">
): boolean => pendingBytes > outboxMax + snapshotBytes

/** CON8: bytes to exclude from the limit after a frame of `size` was queued: those of the largest snapshot pending. */
export const exemptSnapshot = (
  snapshotBytes: number,
  size: number,
  { outboxMax }: Pick<Limits, "outboxMax">
): number => size > outboxMax && size > snapshotBytes ? size : snapshotBytes

/** CON8: whether so many pending bytes count as back-pressure, after which `onDrained` is announced. */
export const isBackpressured = (pendingBytes: number, { outboxFold }: Pick<Limits, "outboxFold">): boolean =>
  pendingBytes > outboxFold

/** CON8: delivery resumes at half of the threshold, so that a connection does not alternate at every frame. */
export const mayResume = (unsentBytes: number, { outboxFold }: Pick<Limits, "outboxFold">): boolean =>
  unsentBytes <= outboxFold / 2

/**
 * CON8: whether a withheld frame gives its place as the topic's first withheld frame to another one. A durable frame
 * replaces a stream frame, since the catch-up has to begin where the events stopped.
 */
export const replacesWithheld = (withheld: Lane["_tag"] | undefined, lane: Lane["_tag"]): boolean =>
  withheld === undefined || (withheld === "Stream" && lane === "Durable")

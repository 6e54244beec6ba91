/**
 * Batching on the hot path (SYN9): ephemeral messages of one topic and one turn
 * share a frame. The first is delivered to every subscriber; later ones are
 * appended to it while it is queued. A busy room then costs each subscriber one
 * delivery and one write per turn. What may be batched is decided in
 * `domain/delivery/Batching.ts`.
 */
import * as Batching from "../../domain/delivery/Batching.ts"
import type { FrameBatch, OutboundFrame } from "../../services/OutboundFrame.ts"

/** The batch of one topic, kept for as long as the topic is in memory. */
export const make = (): FrameBatch => ({ openFrame: undefined, length: 0 })

/**
 * Appends a message to the open frame; it needs no delivery of its own then. A message that cannot be appended closes
 * the frame, so that nothing later overtakes it.
 */
export const tryAppend = (batch: FrameBatch, { lane, text }: OutboundFrame): boolean => {
  const { openFrame } = batch
  if (openFrame === undefined) return false
  if (!Batching.fitsBatch(batch.length, lane._tag, text.length)) {
    batch.openFrame = undefined
    return false
  }
  batch.length += text.length
  if (openFrame.appended === undefined) openFrame.appended = [text]
  else openFrame.appended.push(text)
  return true
}

/** Lets later messages be appended to this frame, if it is batchable, until `close`. */
export const open = (batch: FrameBatch, frame: OutboundFrame): void => {
  if (!Batching.isBatchable(frame.lane._tag, frame.text.length)) return
  frame.batch = batch
  batch.openFrame = frame
  batch.length = frame.text.length
}

/** Ends appending to a frame: it is written or withheld, or another frame follows it in some queue. */
export const close = (frame: OutboundFrame): void => {
  if (frame.batch?.openFrame === frame) frame.batch.openFrame = undefined
}

/** The messages of a closed frame, in order. */
export const texts = (frame: OutboundFrame): ReadonlyArray<string> =>
  frame.appended === undefined ? [frame.text] : [frame.text, ...frame.appended]

/**
 * Messages on their way to sockets: encoded once, whoever they go to.
 *
 * Ephemeral messages that are told to one topic within one turn of the event
 * loop share a frame: the first is given to every subscriber, and the others
 * join it where it waits. A room in which everybody types then costs each
 * subscriber one delivery and one write a turn, however much was said (SYN9).
 */
import type { TopicId } from "../domain/protocol/Ids.ts"

export interface OutboundFrame {
  readonly text: string
  readonly lane: Lane
  /** The texts that joined, in order: messages of their own, in the same lane. Complete once the frame is sealed. */
  appended?: Array<string>
  /** Where others may join it. */
  batch?: FrameBatch
  /** The frame by itself, for all whose line it is. */
  singleton?: Array<OutboundFrame>
  /** Bytes of its first message, as a WebSocket frame. */
  firstMessageBytes?: number
  /** The WebSocket frame bytes, once some engine has made them. */
  encoded?: Uint8Array
  /** The same for who understands compression. */
  deflated?: Uint8Array
}

/** What may be done with a frame when a socket is slow (CON8). */
export type Lane =
  /** An answer to this connection: never dropped. */
  | { readonly _tag: "Reply" }
  /** Part of a topic's log up to `seq`: may be replaced by a later catch-up, never lost. */
  | { readonly _tag: "Durable"; readonly topic: TopicId; readonly seq: number }
  /** Only the latest per topic and key matters. */
  | { readonly _tag: "Ephemeral"; readonly topic: TopicId; readonly key: string }
  /** A piece of running text: may be dropped, is not replaced by later pieces. */
  | { readonly _tag: "Stream"; readonly topic: TopicId }

/** The lane of answers. */
export const replyLane: Lane = { _tag: "Reply" }

/** The frame of a topic that others may join: it waits at the end of every subscriber's line. */
export interface FrameBatch {
  openFrame: OutboundFrame | undefined
  /** UTF-16 units in it. */
  length: number
}

/** How much may come together, in UTF-16 units: a write costs the same up to about that. */
const maxBatchLength = 16_384

/** From this length on a message is better alone, where it can be compressed (CON9). */
const maxAppendLength = 1_024

/** Of one topic, for as long as that is in memory. */
export const makeBatch = (): FrameBatch => ({ openFrame: undefined, length: 0 })

/** Whether the message could join the run's frame; it is on its way then. Behind one that could not, nobody joins. */
export const tryAppend = (batch: FrameBatch, { lane, text }: OutboundFrame): boolean => {
  const { openFrame } = batch
  if (openFrame === undefined) return false
  if (!isBatchable(lane, text) || batch.length + text.length > maxBatchLength) {
    batch.openFrame = undefined
    return false
  }
  batch.length += text.length
  if (openFrame.appended === undefined) openFrame.appended = [text]
  else openFrame.appended.push(text)
  return true
}

const isBatchable = (lane: Lane, text: string): boolean => lane._tag === "Ephemeral" && text.length < maxAppendLength

/** Lets others join this frame, if it is one of those, until it is sealed. */
export const openBatch = (batch: FrameBatch, frame: OutboundFrame): void => {
  if (!isBatchable(frame.lane, frame.text)) return
  frame.batch = batch
  batch.openFrame = frame
  batch.length = frame.text.length
}

/** Lets nobody join any more: the frame leaves, gives way, or something stands behind it. */
export const closeBatch = (frame: OutboundFrame): void => {
  if (frame.batch?.openFrame === frame) frame.batch.openFrame = undefined
}

/** The messages of a frame that is sealed, in order. */
export const messageTexts = (frame: OutboundFrame): ReadonlyArray<string> =>
  frame.appended === undefined ? [frame.text] : [frame.text, ...frame.appended]

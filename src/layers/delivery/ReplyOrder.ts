/**
 * Sends the replies of a connection in the order of its requests (CON2). Each request has a slot; a reply that is ready
 * before its turn is buffered there.
 *
 * Frames of a topic whose `subscribed` reply is buffered are held behind it, so that no delta overtakes the snapshot that
 * it builds on. Frames of other topics pass.
 */
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import * as FrameBatch from "./FrameBatch.ts"
import * as SendQueue from "./SendQueue.ts"

/** Takes frames whose turn has come. */
export interface FrameSink {
  readonly deliver: (frame: OutboundFrame) => void
}

/** The slot of one request. A linked list, because slots are opened and completed once per message. */
export interface ReplySlot {
  /** Buffered frames; `emptyFrames` if there are none. */
  frames: Array<OutboundFrame>
  /** Holds that keep the slot open: the message itself, and each request that it started. */
  pendingCount: number
  /** UTF-16 units of the topics' frames among `frames`. */
  heldLength: number
  /** Bytes of the replies among `frames`. */
  heldReplyBytes: number
  /** The slot of the next request. */
  next: ReplySlot | undefined
}

/** The open slots of one connection, in order. */
export interface ReplyOrder {
  firstReplySlot: ReplySlot | undefined
  lastReplySlot: ReplySlot | undefined
  /** By topic, the slot in which its `subscribed` is buffered; undefined if there is none. */
  heldTopics: Map<TopicId, ReplySlot> | undefined
  /** UTF-16 units of topics' frames in all slots. */
  heldLength: number
  /** Bytes of replies in all slots. */
  heldReplyBytes: number
}

/** Shared by all slots without frames, which are most. Never mutated. */
const emptyFrames: Array<OutboundFrame> = []

const enqueue = (slot: ReplySlot, frame: OutboundFrame): void => {
  if (slot.frames === emptyFrames) slot.frames = [frame]
  else slot.frames.push(frame)
}

/** No open slots. */
export const make = (): ReplyOrder => ({
  firstReplySlot: undefined,
  lastReplySlot: undefined,
  heldTopics: undefined,
  heldLength: 0,
  heldReplyBytes: 0
})

/** Opens the slot of a request that has arrived, with one hold. */
export const openSlot = (replies: ReplyOrder): ReplySlot => {
  const slot: ReplySlot = { frames: emptyFrames, pendingCount: 1, heldLength: 0, heldReplyBytes: 0, next: undefined }
  if (replies.lastReplySlot === undefined) replies.firstReplySlot = slot
  else replies.lastReplySlot.next = slot
  replies.lastReplySlot = slot
  return slot
}

/** Sends a reply if its slot is the first, and buffers it otherwise. */
export const reply = (replies: ReplyOrder, slot: ReplySlot, frame: OutboundFrame, sink: FrameSink): void => {
  if (replies.firstReplySlot === slot) return sink.deliver(frame)
  const bytes = SendQueue.frameLength(frame)
  enqueue(slot, frame)
  slot.heldReplyBytes += bytes
  replies.heldReplyBytes += bytes
}

/** Releases one hold of a slot, and sends the replies whose turn has come. */
export const complete = (replies: ReplyOrder, slot: ReplySlot, sink: FrameSink): void => {
  slot.pendingCount -= 1
  for (let head = replies.firstReplySlot; head !== undefined; head = head.next) {
    replies.firstReplySlot = head
    if (head.frames !== emptyFrames) {
      for (const frame of head.frames) sink.deliver(frame)
      head.frames = emptyFrames
      replies.heldLength -= head.heldLength
      head.heldLength = 0
      replies.heldReplyBytes -= head.heldReplyBytes
      head.heldReplyBytes = 0
    }
    if (replies.heldTopics !== undefined) releaseTopics(replies, replies.heldTopics, head)
    if (head.pendingCount > 0) return
  }
  replies.firstReplySlot = undefined
  replies.lastReplySlot = undefined
}

/** Lets the topics that were held behind a slot pass. */
const releaseTopics = (replies: ReplyOrder, heldTopics: Map<TopicId, ReplySlot>, slot: ReplySlot): void => {
  for (const [topic, blockingSlot] of heldTopics) if (blockingSlot === slot) heldTopics.delete(topic)
  if (heldTopics.size === 0) replies.heldTopics = undefined
}

/** Holds the topic's frames behind a slot from now on, unless the slot is the first already. */
export const holdBack = (replies: ReplyOrder, slot: ReplySlot, topic: TopicId): void => {
  if (replies.firstReplySlot !== slot) (replies.heldTopics ??= new Map()).set(topic, slot)
}

/** Whether frames of any topic are held. */
export const hasHeldTopics = (replies: ReplyOrder): boolean => replies.heldTopics !== undefined

/** Delivers a topic's frame, or buffers it behind the topic's `subscribed`. */
export const deliverOrHold = (replies: ReplyOrder, frame: OutboundFrame, sink: FrameSink): void => {
  const slot = frame.lane._tag === "Reply" ? undefined : replies.heldTopics?.get(frame.lane.topic)
  if (slot === undefined) return sink.deliver(frame)
  FrameBatch.close(frame)
  enqueue(slot, frame)
  slot.heldLength += frame.text.length
  replies.heldLength += frame.text.length
}

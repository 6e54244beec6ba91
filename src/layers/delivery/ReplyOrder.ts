/**
 * Answers in the order of their questions (CON2). Every message of a connection
 * holds a place; an answer that is ready before its turn waits there.
 *
 * What a topic sends after a waiting `subscribed` waits behind it, so that no
 * delta overtakes the snapshot it builds on. Other topics are not held up.
 */
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import * as FrameBatch from "./FrameBatch.ts"

/** Who hears what has its turn. */
export interface FrameSink {
  readonly deliver: (frame: OutboundFrame) => void
}

/** The place of one message's answers. */
export interface ReplySlot {
  /** What waits there; `emptyFrames` while nothing does. */
  frames: Array<OutboundFrame>
  /** What keeps the place open: the message itself, and each request it started. */
  pendingCount: number
  /** Characters of topics' frames among `frames`. */
  heldLength: number
  /** The place behind it. */
  next: ReplySlot | undefined
}

/** The places that are open, in order. */
export interface ReplyOrder {
  firstReplySlot: ReplySlot | undefined
  lastReplySlot: ReplySlot | undefined
  /** Topics whose `subscribed` waits in a slot; undefined while there is none. */
  heldTopics: Map<TopicId, ReplySlot> | undefined
  /** Characters of topics' frames that wait in slots; answers are bounded by the requests there may be. */
  heldLength: number
}

/** Most slots never hold anything, so they share this, which is never added to. */
const emptyFrames: Array<OutboundFrame> = []

const enqueue = (slot: ReplySlot, frame: OutboundFrame): void => {
  if (slot.frames === emptyFrames) slot.frames = [frame]
  else slot.frames.push(frame)
}

export const make = (): ReplyOrder => ({
  firstReplySlot: undefined,
  lastReplySlot: undefined,
  heldTopics: undefined,
  heldLength: 0
})

/** A place for the message that was just heard; `complete` closes it. */
export const open = (replies: ReplyOrder): ReplySlot => {
  const slot: ReplySlot = { frames: emptyFrames, pendingCount: 1, heldLength: 0, next: undefined }
  if (replies.lastReplySlot === undefined) replies.firstReplySlot = slot
  else replies.lastReplySlot.next = slot
  replies.lastReplySlot = slot
  return slot
}

/** Says something in a slot: at once when it is that slot's turn. */
export const reply = (replies: ReplyOrder, slot: ReplySlot, frame: OutboundFrame, sink: FrameSink): void => {
  if (replies.firstReplySlot === slot) sink.deliver(frame)
  else enqueue(slot, frame)
}

/** One of the things that kept the slot open is over; answers whose turn has come leave. */
export const complete = (replies: ReplyOrder, slot: ReplySlot, sink: FrameSink): void => {
  slot.pendingCount -= 1
  for (let head = replies.firstReplySlot; head !== undefined; head = head.next) {
    replies.firstReplySlot = head
    if (head.frames !== emptyFrames) {
      for (const frame of head.frames) sink.deliver(frame)
      head.frames = emptyFrames
      replies.heldLength -= head.heldLength
      head.heldLength = 0
    }
    if (replies.heldTopics !== undefined) releaseTopics(replies, replies.heldTopics, head)
    if (head.pendingCount > 0) return
  }
  replies.firstReplySlot = undefined
  replies.lastReplySlot = undefined
}

/** What topics send waits behind this slot no longer. */
const releaseTopics = (replies: ReplyOrder, heldTopics: Map<TopicId, ReplySlot>, slot: ReplySlot): void => {
  for (const [topic, blockingSlot] of heldTopics) if (blockingSlot === slot) heldTopics.delete(topic)
  if (heldTopics.size === 0) replies.heldTopics = undefined
}

/** From now on, what the topic sends waits behind this slot, unless it is the slot's turn already. */
export const holdBack = (replies: ReplyOrder, slot: ReplySlot, topic: TopicId): void => {
  if (replies.firstReplySlot !== slot) (replies.heldTopics ??= new Map()).set(topic, slot)
}

/** Whether any topic's frames have to wait. */
export const hasHeldTopics = (replies: ReplyOrder): boolean => replies.heldTopics !== undefined

/** Lets a topic's frame pass, or keeps it behind its `subscribed`. */
export const deliverOrHold = (replies: ReplyOrder, frame: OutboundFrame, sink: FrameSink): void => {
  const slot = frame.lane._tag === "Reply" ? undefined : replies.heldTopics?.get(frame.lane.topic)
  if (slot === undefined) return sink.deliver(frame)
  FrameBatch.close(frame)
  enqueue(slot, frame)
  slot.heldLength += frame.text.length
  replies.heldLength += frame.text.length
}

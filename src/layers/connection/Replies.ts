/**
 * Answers in the order of their questions (CON2). Every message of a connection
 * holds a place; an answer that is ready before its turn waits there.
 *
 * What a topic sends after a waiting `subscribed` waits behind it, so that no
 * delta overtakes the snapshot it builds on. Other topics are not held up.
 */
import type { TopicId } from "../../domain/Ids.ts"
import { type Frame, seal } from "../../services/Frame.ts"

/** Who hears what has its turn. */
export interface Taker {
  readonly deliver: (frame: Frame) => void
}

/** The place of one message's answers. */
export interface Slot {
  /** What waits there; `none` while nothing does. */
  frames: Array<Frame>
  /** What keeps the place open: the message itself, and each request it started. */
  waiting: number
  /** Characters of topics' frames among `frames`. */
  held: number
  /** The place behind it. */
  next: Slot | undefined
}

/** The places that are open, in order. */
export interface Replies {
  firstSlot: Slot | undefined
  lastSlot: Slot | undefined
  /** Topics whose `subscribed` waits in a slot; undefined while there is none. */
  heldTopics: Map<TopicId, Slot> | undefined
  /** Characters of topics' frames that wait in slots; answers are bounded by the requests there may be. */
  heldSize: number
}

/** Most slots never hold anything, so they share this, which is never added to. */
const none: Array<Frame> = []

const wait = (slot: Slot, frame: Frame): void => {
  if (slot.frames === none) slot.frames = [frame]
  else slot.frames.push(frame)
}

export const make = (): Replies => ({
  firstSlot: undefined,
  lastSlot: undefined,
  heldTopics: undefined,
  heldSize: 0
})

/** A place for the message that was just heard; `done` closes it. */
export const open = (replies: Replies): Slot => {
  const slot: Slot = { frames: none, waiting: 1, held: 0, next: undefined }
  if (replies.lastSlot === undefined) replies.firstSlot = slot
  else replies.lastSlot.next = slot
  replies.lastSlot = slot
  return slot
}

/** Says something in a slot: at once when it is that slot's turn. */
export const say = (replies: Replies, slot: Slot, frame: Frame, to: Taker): void => {
  if (replies.firstSlot === slot) to.deliver(frame)
  else wait(slot, frame)
}

/** One of the things that kept the slot open is over; answers whose turn has come leave. */
export const done = (replies: Replies, slot: Slot, to: Taker): void => {
  slot.waiting -= 1
  for (let head = replies.firstSlot; head !== undefined; head = head.next) {
    replies.firstSlot = head
    if (head.frames !== none) {
      for (const frame of head.frames) to.deliver(frame)
      head.frames = none
      replies.heldSize -= head.held
      head.held = 0
    }
    if (replies.heldTopics !== undefined) release(replies, replies.heldTopics, head)
    if (head.waiting > 0) return
  }
  replies.firstSlot = undefined
  replies.lastSlot = undefined
}

/** What topics send waits behind this slot no longer. */
const release = (replies: Replies, held: Map<TopicId, Slot>, slot: Slot): void => {
  for (const [topic, holder] of held) if (holder === slot) held.delete(topic)
  if (held.size === 0) replies.heldTopics = undefined
}

/** From now on, what the topic sends waits behind this slot, unless it is the slot's turn already. */
export const hold = (replies: Replies, slot: Slot, topic: TopicId): void => {
  if (replies.firstSlot !== slot) (replies.heldTopics ??= new Map()).set(topic, slot)
}

/** Whether any topic's frames have to wait. */
export const holds = (replies: Replies): boolean => replies.heldTopics !== undefined

/** Lets a topic's frame pass, or keeps it behind its `subscribed`. */
export const pass = (replies: Replies, frame: Frame, to: Taker): void => {
  const slot = frame.lane._tag === "Reply" ? undefined : replies.heldTopics?.get(frame.lane.topic)
  if (slot === undefined) return to.deliver(frame)
  seal(frame)
  wait(slot, frame)
  slot.held += frame.text.length
  replies.heldSize += frame.text.length
}

/**
 * Answers in the order of their questions (CON2). Every message of a connection
 * holds a place; an answer that is ready before its turn waits there.
 *
 * What a topic sends after a waiting `subscribed` waits behind it, so that no
 * delta overtakes the snapshot it builds on. Other topics are not held up.
 */
import type { TopicId } from "../../domain/Ids.ts"
import type { Frame } from "../../services/Topics.ts"

/** The place of one message's answers. */
export interface Slot {
  frames: Array<Frame>
  /** What keeps the place open: the message itself, and each request it started. */
  waiting: number
  /** Characters of topics' frames among `frames`. */
  held: number
}

export interface Replies {
  readonly slots: Array<Slot>
  /** Topics whose `subscribed` waits in a slot. */
  readonly held: Map<TopicId, Slot>
  /** Characters of topics' frames that wait in slots; answers are bounded by the requests there may be. */
  size: number
}

export const make = (): Replies => ({ slots: [], held: new Map(), size: 0 })

/** A place for the message that was just heard; `done` closes it. */
export const open = (replies: Replies): Slot => {
  const slot: Slot = { frames: [], waiting: 1, held: 0 }
  replies.slots.push(slot)
  return slot
}

/** Says something in a slot: at once when it is that slot's turn. */
export const say = (replies: Replies, slot: Slot, frame: Frame, deliver: (frame: Frame) => void): void => {
  if (replies.slots[0] === slot) deliver(frame)
  else slot.frames.push(frame)
}

/** One of the things that kept the slot open is over; answers whose turn has come leave. */
export const done = (replies: Replies, slot: Slot, deliver: (frame: Frame) => void): void => {
  slot.waiting -= 1
  const { slots } = replies
  while (slots.length > 0) {
    const head = slots[0]!
    for (const frame of head.frames) deliver(frame)
    head.frames = []
    replies.size -= head.held
    head.held = 0
    for (const [topic, holder] of replies.held) if (holder === head) replies.held.delete(topic)
    if (head.waiting > 0) return
    slots.shift()
  }
}

/** From now on, what the topic sends waits behind this slot, unless it is the slot's turn already. */
export const hold = (replies: Replies, slot: Slot, topic: TopicId): void => {
  if (replies.slots[0] !== slot) replies.held.set(topic, slot)
}

/** Lets a topic's frame pass, or keeps it behind its `subscribed`. */
export const pass = (replies: Replies, frame: Frame, deliver: (frame: Frame) => void): void => {
  const slot = replies.held.size === 0 || frame.lane._tag === "Reply" ? undefined : replies.held.get(frame.lane.topic)
  if (slot === undefined) return deliver(frame)
  slot.frames.push(frame)
  slot.held += frame.text.length
  replies.size += frame.text.length
}

/**
 * What one socket has still to be sent, and what gives way when it is slow
 * (CON8). Shared by all engines; holds no socket and no timer.
 *
 * Frames of one turn leave as one write of several text frames, not as one
 * `batch` message: a frame's header costs 2 to 4 bytes and the same bytes serve
 * every subscriber, while a batch would cost an envelope and an encoding per socket.
 */
import type { TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Frame, type Lane, seal, texts } from "../../services/Frame.ts"
import type { Folded } from "../../services/Socket.ts"
import { frameLength, textFrame, textFrames } from "./TextFrame.ts"

/** Shared by all empty outboxes. No array of less than two is ever added to. */
const none: Array<Frame> = []

/** Empty at first. What only slow sockets need is made when one is slow: idle connections are many. */
export class Outbox {
  /** In order. */
  frames = none
  /** The last of them, while others may join it: what has joined is not counted yet. */
  open: Frame | undefined = undefined
  /** Bytes in `frames` and `latest`. */
  bytes = 0
  /** Bytes in `latest` alone. */
  latestBytes = 0
  /** Bytes of the largest copy that is on its way, if it is larger than all that may wait. */
  copy = 0
  /** Ephemeral frames by topic and key, kept back while the socket is slow. */
  latest: Map<string, Frame> | undefined = undefined
  /** By topic, the first frame that was held back. */
  folded: Map<TopicId, Frame> | undefined = undefined
  /** Topics whose catch-up is under way: it will hold whatever is kept from them now. */
  catching: Set<TopicId> | undefined = undefined
}

/** Forgets everything. */
export const empty = (box: Outbox): void => void Object.assign(box, new Outbox())

/** Whether anything waits for room. */
export const holdsBack = (box: Outbox): boolean => box.latest !== undefined || box.folded !== undefined

/** The bytes of a frame that is sealed, made once for all sockets. */
export const wire = (frame: Frame): Uint8Array =>
  frame.wire ??= frame.more === undefined ? textFrame(frame.text) : textFrames(texts(frame))

/** The bytes of its first message. */
const sizeOf = (frame: Frame): number =>
  frame.run === undefined ? wire(frame).length : frame.bytes ??= frameLength(frame.text)

/** Nothing joins the last frame any more once something comes behind it; what has joined it is counted. */
const closeLast = (box: Outbox): void => {
  const { open } = box
  if (open === undefined) return
  box.open = undefined
  seal(open)
  for (const text of open.more ?? []) box.bytes += frameLength(text)
}

/**
 * Takes a frame. False when the socket must be given up: more than `outboxMax` bytes wait already. A copy larger than
 * that gets through to whoever reads: it does not count, neither for itself nor for what comes behind it.
 */
export const push = (
  box: Outbox,
  frame: Frame,
  unsent: number,
  limits: Pick<Limits, "outboxFold" | "outboxMax">
): boolean => {
  const { lane } = frame
  if (lane._tag === "Durable" && (box.catching?.has(lane.topic) || box.folded?.has(lane.topic))) {
    return fold(box, lane.topic, frame)
  }
  closeLast(box)
  const size = sizeOf(frame)
  const waiting = box.bytes + unsent
  const most = limits.outboxMax + box.copy
  // What is kept back under its key would otherwise come behind what is newer.
  const kept = lane._tag === "Ephemeral" && box.latest?.has(keyOf(lane)) === true
  if (waiting > limits.outboxFold || kept) {
    switch (lane._tag) {
      case "Reply":
        break
      case "Durable":
      case "Stream":
        return fold(box, lane.topic, frame)
      case "Ephemeral":
        seal(frame)
        keepLatest(box, keyOf(lane), frame, size)
        return waiting <= most
    }
  }
  if (size > limits.outboxMax) box.copy = Math.max(box.copy, size)
  // One frame is the usual case, and its array serves all who have no other.
  if (box.frames.length === 0) box.frames = frame.alone ??= [frame]
  else if (box.frames.length === 1) box.frames = [box.frames[0]!, frame]
  else box.frames.push(frame)
  box.bytes += size
  // Nor may anything join that has an older one kept back.
  if (box.latest !== undefined) seal(frame)
  else if (frame.run !== undefined) box.open = frame
  return waiting <= most
}

const keyOf = ({ key, topic }: Extract<Lane, { readonly _tag: "Ephemeral" }>): string => `${topic} ${key}`

/**
 * A durable frame outranks a piece of running text: the catch-up must begin where the events stopped. One that is under
 * way brings the running text as well, so that nothing more is held back then.
 */
const fold = (box: Outbox, topic: TopicId, frame: Frame): true => {
  if (box.catching?.has(topic)) return true
  box.folded ??= new Map()
  const held = box.folded.get(topic)
  if (held === undefined || (held.lane._tag === "Stream" && frame.lane._tag === "Durable")) box.folded.set(topic, frame)
  return true
}

const keepLatest = (box: Outbox, key: string, frame: Frame, size: number): void => {
  box.latest ??= new Map()
  const before = box.latest.get(key)
  const more = before === undefined ? size : size - wire(before).length
  box.latest.set(key, frame)
  box.latestBytes += more
  box.bytes += more
}

/** Empties the frames, in order, and seals them. */
export const takeAll = (box: Outbox): ReadonlyArray<Frame> => {
  const { frames, open } = box
  if (open !== undefined) seal(open)
  box.open = undefined
  box.frames = none
  box.bytes = box.latestBytes
  return frames
}

const nothing: Folded = new Map()

/**
 * Once half the room is free again: puts the latest ephemeral frames in line,
 * and says which topics need a catch-up. Undefined when there is no room yet.
 */
export const recover = (box: Outbox, unsent: number, limits: Pick<Limits, "outboxFold">): Folded | undefined => {
  if (unsent > limits.outboxFold / 2) return undefined
  box.copy = 0
  if (box.latest !== undefined) box.frames = [...box.latest.values()]
  box.latest = undefined
  box.latestBytes = 0
  const { folded } = box
  if (folded === undefined) return nothing
  box.folded = undefined
  box.catching ??= new Set()
  for (const topic of folded.keys()) box.catching.add(topic)
  return folded
}

/** Durable frames of the topic go through again; what was held back is in its catch-up. */
export const unfold = (box: Outbox, topic: TopicId): void => {
  if (box.folded?.delete(topic) && box.folded.size === 0) box.folded = undefined
  if (box.catching?.delete(topic) && box.catching.size === 0) box.catching = undefined
}

/** Whether two outboxes hold the very same frames, so that one buffer serves both. */
export const same = (a: ReadonlyArray<Frame>, b: ReadonlyArray<Frame>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

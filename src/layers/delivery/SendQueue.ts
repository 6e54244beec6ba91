/**
 * What one socket has still to be sent, and what gives way when it is slow
 * (CON8). Shared by all engines; holds no socket and no timer.
 *
 * Frames of one turn leave as one write of several text frames, not as one
 * `batch` message: a frame's header costs 2 to 4 bytes and the same bytes serve
 * every subscriber, while a batch would cost an envelope and an encoding per socket.
 */
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { closeBatch, type Lane, messageTexts, type OutboundFrame } from "../../services/OutboundFrame.ts"
import type { CoalescedTopics } from "../../services/Socket.ts"
import { encodeTextFrame, encodeTextFrames, textFrameLength } from "./TextFrame.ts"

/** Shared by all empty outboxes. No array of less than two is ever added to. */
const emptyFrames: Array<OutboundFrame> = []

/** Empty at first. What only slow sockets need is made when one is slow: idle connections are many. */
export class SendQueue {
  /** In order. */
  frames = emptyFrames
  /** The last of them, while others may join it: what has joined is not counted yet. */
  openFrame: OutboundFrame | undefined = undefined
  /** Bytes in `frames` and `latest`. */
  queuedBytes = 0
  /** Bytes in `latest` alone. */
  latestBytes = 0
  /** Bytes of the largest copy that is on its way, if it is larger than all that may wait. */
  snapshotBytes = 0
  /** Ephemeral frames by topic and key, kept back while the socket is slow. */
  latestByKey: Map<string, OutboundFrame> | undefined = undefined
  /** By topic, the first frame that was held back. */
  coalescedTopics: Map<TopicId, OutboundFrame> | undefined = undefined
  /** Topics whose catch-up is under way: it will hold whatever is kept from them now. */
  catchingUp: Set<TopicId> | undefined = undefined
}

/** Forgets everything. */
export const clear = (queue: SendQueue): void => void Object.assign(queue, new SendQueue())

/** Whether anything waits for room. */
export const hasWithheldFrames = (queue: SendQueue): boolean =>
  queue.latestByKey !== undefined || queue.coalescedTopics !== undefined

/** The bytes of a frame that is sealed, made once for all sockets. */
export const encodeFrame = (frame: OutboundFrame): Uint8Array =>
  frame.encoded ??= frame.appended === undefined ? encodeTextFrame(frame.text) : encodeTextFrames(messageTexts(frame))

/** The bytes of its first message. */
const measureFirstMessage = (frame: OutboundFrame): number =>
  frame.batch === undefined ? encodeFrame(frame).length : frame.firstMessageBytes ??= textFrameLength(frame.text)

/** Nothing joins the last frame any more once something comes behind it; what has joined it is counted. */
const closeOpenFrame = (queue: SendQueue): void => {
  const { openFrame } = queue
  if (openFrame === undefined) return
  queue.openFrame = undefined
  closeBatch(openFrame)
  for (const text of openFrame.appended ?? []) queue.queuedBytes += textFrameLength(text)
}

/**
 * Takes a frame. False when the socket must be given up: more than `outboxMax` bytes wait already. A copy larger than
 * that gets through to whoever reads: it does not count, neither for itself nor for what comes behind it.
 */
export const push = (
  queue: SendQueue,
  frame: OutboundFrame,
  unsentBytes: number,
  limits: Pick<Limits, "outboxFold" | "outboxMax">
): boolean => {
  const { lane } = frame
  if (lane._tag === "Durable" && (queue.catchingUp?.has(lane.topic) || queue.coalescedTopics?.has(lane.topic))) {
    return coalesce(queue, lane.topic, frame)
  }
  closeOpenFrame(queue)
  const size = measureFirstMessage(frame)
  const pendingBytes = queue.queuedBytes + unsentBytes
  const maxPendingBytes = limits.outboxMax + queue.snapshotBytes
  // What is kept back under its key would otherwise come behind what is newer.
  const hasOlderWithheld = lane._tag === "Ephemeral" && queue.latestByKey?.has(ephemeralKey(lane)) === true
  if (pendingBytes > limits.outboxFold || hasOlderWithheld) {
    switch (lane._tag) {
      case "Reply":
        break
      case "Durable":
      case "Stream":
        return coalesce(queue, lane.topic, frame)
      case "Ephemeral":
        closeBatch(frame)
        keepLatest(queue, ephemeralKey(lane), frame, size)
        return pendingBytes <= maxPendingBytes
    }
  }
  if (size > limits.outboxMax) queue.snapshotBytes = Math.max(queue.snapshotBytes, size)
  // One frame is the usual case, and its array serves all who have no other.
  if (queue.frames.length === 0) queue.frames = frame.singleton ??= [frame]
  else if (queue.frames.length === 1) queue.frames = [queue.frames[0]!, frame]
  else queue.frames.push(frame)
  queue.queuedBytes += size
  // Nor may anything join that has an older one kept back.
  if (queue.latestByKey !== undefined) closeBatch(frame)
  else if (frame.batch !== undefined) queue.openFrame = frame
  return pendingBytes <= maxPendingBytes
}

const ephemeralKey = ({ key, topic }: Extract<Lane, { readonly _tag: "Ephemeral" }>): string => `${topic} ${key}`

/**
 * A durable frame outranks a piece of running text: the catch-up must begin where the events stopped. One that is under
 * way brings the running text as well, so that nothing more is held back then.
 */
const coalesce = (queue: SendQueue, topic: TopicId, frame: OutboundFrame): true => {
  if (queue.catchingUp?.has(topic)) return true
  queue.coalescedTopics ??= new Map()
  const withheld = queue.coalescedTopics.get(topic)
  if (withheld === undefined || (withheld.lane._tag === "Stream" && frame.lane._tag === "Durable")) {
    queue.coalescedTopics.set(topic, frame)
  }
  return true
}

const keepLatest = (queue: SendQueue, key: string, frame: OutboundFrame, size: number): void => {
  queue.latestByKey ??= new Map()
  const previous = queue.latestByKey.get(key)
  const addedBytes = previous === undefined ? size : size - encodeFrame(previous).length
  queue.latestByKey.set(key, frame)
  queue.latestBytes += addedBytes
  queue.queuedBytes += addedBytes
}

/** Empties the frames, in order, and seals them. */
export const takeAll = (queue: SendQueue): ReadonlyArray<OutboundFrame> => {
  const { frames, openFrame } = queue
  if (openFrame !== undefined) closeBatch(openFrame)
  queue.openFrame = undefined
  queue.frames = emptyFrames
  queue.queuedBytes = queue.latestBytes
  return frames
}

const noneCoalesced: CoalescedTopics = new Map()

/**
 * Once half the room is free again: puts the latest ephemeral frames in line,
 * and says which topics need a catch-up. Undefined when there is no room yet.
 */
export const requeueWithheld = (
  queue: SendQueue,
  unsentBytes: number,
  limits: Pick<Limits, "outboxFold">
): CoalescedTopics | undefined => {
  if (unsentBytes > limits.outboxFold / 2) return undefined
  queue.snapshotBytes = 0
  if (queue.latestByKey !== undefined) queue.frames = [...queue.latestByKey.values()]
  queue.latestByKey = undefined
  queue.latestBytes = 0
  const { coalescedTopics } = queue
  if (coalescedTopics === undefined) return noneCoalesced
  queue.coalescedTopics = undefined
  queue.catchingUp ??= new Set()
  for (const topic of coalescedTopics.keys()) queue.catchingUp.add(topic)
  return coalescedTopics
}

/** Durable frames of the topic go through again; what was held back is in its catch-up. */
export const uncoalesce = (queue: SendQueue, topic: TopicId): void => {
  if (queue.coalescedTopics?.delete(topic) && queue.coalescedTopics.size === 0) queue.coalescedTopics = undefined
  if (queue.catchingUp?.delete(topic) && queue.catchingUp.size === 0) queue.catchingUp = undefined
}

/** Whether two outboxes hold the very same frames, so that one buffer serves both. */
export const hasSameFrames = (a: ReadonlyArray<OutboundFrame>, b: ReadonlyArray<OutboundFrame>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

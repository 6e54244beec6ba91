/**
 * The frames of one connection that were not written yet, and what is withheld
 * from it while it is slow (CON8). Shared by all engines; owns no socket and no
 * timer. What happens to a frame is decided in `domain/delivery/BackPressure.ts`.
 *
 * The frames of one turn leave in one write of several text frames, not as one
 * `batch` message: a frame's header costs 2 to 4 bytes and the same bytes serve
 * every subscriber, while a batch would cost an envelope and an encoding per
 * connection.
 */
import * as BackPressure from "../../domain/delivery/BackPressure.ts"
import { ephemeralKey } from "../../domain/delivery/Lane.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { CoalescedTopics } from "../../services/Socket.ts"
import * as FrameBatch from "./FrameBatch.ts"
import { encodePartsFrame, encodeTextFrame, encodeTextFrames, partsFrameLength, textFrameLength } from "./TextFrame.ts"

/** Shared by all empty queues. An array of fewer than two frames is never pushed to. */
const emptyFrames: Array<OutboundFrame> = []

/**
 * The queue's fields, which a connection inherits: there are many idle connections, and an object of its own would cost
 * each of them memory. Fields for slow connections are undefined until the connection is slow.
 */
export class SendQueue {
  /** In the order of delivery. */
  frames = emptyFrames
  /** The last frame while messages may be appended to it; appended ones are not in `queuedBytes` yet. */
  openFrame: OutboundFrame | undefined = undefined
  /** Bytes of `frames` and `latestByKey`. */
  queuedBytes = 0
  /** Bytes of `latestByKey` alone. */
  latestBytes = 0
  /** Bytes of the largest pending snapshot above `outboxMax`; excluded from the limit. */
  snapshotBytes = 0
  /** Withheld ephemeral frames, by topic and key. */
  latestByKey: Map<string, OutboundFrame> | undefined = undefined
  /** The first withheld frame of each coalesced topic. */
  coalescedTopics: Map<TopicId, OutboundFrame> | undefined = undefined
  /** Topics whose catch-up is being made: it will contain whatever is withheld meanwhile. */
  catchingUp: Set<TopicId> | undefined = undefined
}

/** Empties the queue and drops everything withheld. */
export const clear = (queue: SendQueue): void => void Object.assign(queue, new SendQueue())

/** Whether frames are withheld until the connection has drained. */
export const hasWithheldFrames = (queue: SendQueue): boolean =>
  queue.latestByKey !== undefined || queue.coalescedTopics !== undefined

/** The bytes of a closed frame, encoded once for all connections. */
export const encodeQueuedFrame = (frame: OutboundFrame): Uint8Array => frame.encoded ??= encodeFrame(frame)

const encodeFrame = (frame: OutboundFrame): Uint8Array => {
  if (frame.parts !== undefined) return encodePartsFrame(frame.parts)
  return frame.appended === undefined ? encodeTextFrame(frame.text) : encodeTextFrames(FrameBatch.texts(frame))
}

/** The encoded length of a frame's first message. */
export const frameLength = (frame: OutboundFrame): number => {
  if (frame.batch !== undefined) return frame.firstMessageBytes ??= textFrameLength(frame.text)
  return frame.encoded === undefined && frame.parts !== undefined
    ? partsFrameLength(frame.parts)
    : encodeQueuedFrame(frame).length
}

/** Closes the last frame, since another one follows it, and counts what was appended to it. */
const closeOpenFrame = (queue: SendQueue): void => {
  const { openFrame } = queue
  if (openFrame === undefined) return
  queue.openFrame = undefined
  FrameBatch.close(openFrame)
  for (const text of openFrame.appended ?? []) queue.queuedBytes += textFrameLength(text)
}

/**
 * Queues or withholds a frame. False when the connection must be closed, because more than `outboxMax` bytes were
 * pending before it. `unsentBytes` are those in the socket's own buffer.
 */
export const push = (
  queue: SendQueue,
  frame: OutboundFrame,
  unsentBytes: number,
  limits: Pick<Limits, "outboxFold" | "outboxMax">
): boolean => {
  const { lane } = frame
  if (lane._tag === "Durable" && (queue.catchingUp?.has(lane.topic) || queue.coalescedTopics?.has(lane.topic))) {
    coalesce(queue, lane.topic, frame)
    return true
  }
  closeOpenFrame(queue)
  const size = frameLength(frame)
  const pendingBytes = queue.queuedBytes + unsentBytes
  const isWithinLimit = !BackPressure.isOverLimit(pendingBytes, queue.snapshotBytes, limits)
  const hasOlderWithheld = lane._tag === "Ephemeral" && queue.latestByKey?.has(ephemeralKey(lane)) === true
  switch (BackPressure.decideFrame(lane._tag, pendingBytes, hasOlderWithheld, limits)) {
    case "enqueue":
      enqueue(queue, frame, size, limits)
      return isWithinLimit
    case "keepLatest":
      if (lane._tag === "Ephemeral") keepLatest(queue, ephemeralKey(lane), frame, size)
      return isWithinLimit
    case "coalesce":
      if (lane._tag !== "Reply") coalesce(queue, lane.topic, frame)
      return true
  }
}

const enqueue = (queue: SendQueue, frame: OutboundFrame, size: number, limits: Pick<Limits, "outboxMax">): void => {
  queue.snapshotBytes = BackPressure.exemptSnapshot(queue.snapshotBytes, size, limits)
  // Mostly one frame is queued; its array is shared by all connections that have no other.
  if (queue.frames.length === 0) queue.frames = frame.singleton ??= [frame]
  else if (queue.frames.length === 1) queue.frames = [queue.frames[0]!, frame]
  else queue.frames.push(frame)
  queue.queuedBytes += size
  // An appended message would overtake the withheld frame of its key.
  if (queue.latestByKey !== undefined) FrameBatch.close(frame)
  else if (frame.batch !== undefined) queue.openFrame = frame
}

/** Withholds a frame of a topic for its catch-up; a catch-up that is already being made contains it. */
const coalesce = (queue: SendQueue, topic: TopicId, frame: OutboundFrame): void => {
  if (queue.catchingUp?.has(topic)) return
  queue.coalescedTopics ??= new Map()
  if (BackPressure.replacesWithheld(queue.coalescedTopics.get(topic)?.lane._tag, frame.lane._tag)) {
    queue.coalescedTopics.set(topic, frame)
  }
}

const keepLatest = (queue: SendQueue, key: string, frame: OutboundFrame, size: number): void => {
  FrameBatch.close(frame)
  queue.latestByKey ??= new Map()
  const previous = queue.latestByKey.get(key)
  const addedBytes = previous === undefined ? size : size - encodeQueuedFrame(previous).length
  queue.latestByKey.set(key, frame)
  queue.latestBytes += addedBytes
  queue.queuedBytes += addedBytes
}

/** Removes all queued frames, in order, and closes them; withheld ones stay. */
export const takeAll = (queue: SendQueue): ReadonlyArray<OutboundFrame> => {
  const { frames, openFrame } = queue
  if (openFrame !== undefined) FrameBatch.close(openFrame)
  queue.openFrame = undefined
  queue.frames = emptyFrames
  queue.queuedBytes = queue.latestBytes
  return frames
}

const noneCoalesced: CoalescedTopics = new Map()

/**
 * When the connection has drained: queues the withheld ephemeral frames, and returns the topics that need a catch-up.
 * Undefined when it has not drained far enough.
 */
export const requeueWithheld = (
  queue: SendQueue,
  unsentBytes: number,
  limits: Pick<Limits, "outboxFold">
): CoalescedTopics | undefined => {
  if (!BackPressure.mayResume(unsentBytes, limits)) return undefined
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

/** Queues durable frames of the topic again: its catch-up contains what was withheld. */
export const uncoalesce = (queue: SendQueue, topic: TopicId): void => {
  if (queue.coalescedTopics?.delete(topic) && queue.coalescedTopics.size === 0) queue.coalescedTopics = undefined
  if (queue.catchingUp?.delete(topic) && queue.catchingUp.size === 0) queue.catchingUp = undefined
}

/** Whether two connections have the same frames queued, so that one buffer serves both. */
export const hasSameFrames = (a: ReadonlyArray<OutboundFrame>, b: ReadonlyArray<OutboundFrame>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * What one socket has still to be sent, and what gives way when it is slow
 * (CON8). Shared by all engines; holds no socket and no timer.
 *
 * Frames of one turn leave as one write of several text frames, not as one
 * `batch` message: a frame's header costs 2 to 4 bytes and the same bytes serve
 * every subscriber, while a batch would cost an envelope and an encoding per socket.
 */
import { textFrame } from "../../domain/Frames.ts"
import type { TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import type { Folded } from "../../services/Socket.ts"
import type { Frame } from "../../services/Topics.ts"

export interface Outbox {
  frames: Array<Frame>
  /** Bytes in `frames` and `latest`. */
  bytes: number
  /** Ephemeral frames by topic and key, kept back while the socket is slow. */
  latest: Map<string, Frame>
  /** By topic, the first frame that was held back. */
  folded: Map<TopicId, Frame>
  /** Topics whose catch-up is under way: it will hold whatever is kept from them now. */
  catching: Set<TopicId>
}

export const make = (): Outbox => ({
  frames: [],
  bytes: 0,
  latest: new Map(),
  folded: new Map(),
  catching: new Set()
})

/** The frame's bytes, made once for all sockets. */
export const wire = (frame: Frame): Uint8Array => frame.wire ??= textFrame(frame.text)

/**
 * Takes a frame. False when the socket must be given up: more than `outboxMax` bytes wait already. What counts is what
 * waits before the frame, so that a large snapshot gets through to whoever reads.
 */
export const push = (
  box: Outbox,
  frame: Frame,
  unsent: number,
  limits: Pick<Limits, "outboxFold" | "outboxMax">
): boolean => {
  const { lane } = frame
  if (lane._tag === "Durable" && (box.catching.has(lane.topic) || box.folded.has(lane.topic))) {
    return fold(box, lane.topic, frame)
  }
  const size = wire(frame).length
  const waiting = box.bytes + unsent
  if (waiting > limits.outboxFold) {
    switch (lane._tag) {
      case "Reply":
        break
      case "Durable":
      case "Stream":
        return fold(box, lane.topic, frame)
      case "Ephemeral":
        keepLatest(box, `${lane.topic} ${lane.key}`, frame, size)
        return waiting <= limits.outboxMax
    }
  }
  box.frames.push(frame)
  box.bytes += size
  return waiting <= limits.outboxMax
}

/** A durable frame outranks a piece of running text: the catch-up must begin where the events stopped. */
const fold = (box: Outbox, topic: TopicId, frame: Frame): true => {
  if (frame.lane._tag === "Durable" && box.catching.has(topic)) return true
  const held = box.folded.get(topic)
  if (held === undefined || (held.lane._tag === "Stream" && frame.lane._tag === "Durable")) box.folded.set(topic, frame)
  return true
}

const keepLatest = (box: Outbox, key: string, frame: Frame, size: number): void => {
  const before = box.latest.get(key)
  if (before !== undefined) box.bytes -= wire(before).length
  box.latest.set(key, frame)
  box.bytes += size
}

/** Empties the frames, in order. */
export const takeAll = (box: Outbox): ReadonlyArray<Frame> => {
  const { frames } = box
  box.frames = []
  for (const frame of frames) box.bytes -= wire(frame).length
  return frames
}

/**
 * Once half the room is free again: puts the latest ephemeral frames in line,
 * and says which topics need a catch-up. Undefined when there is no room yet.
 */
export const recover = (box: Outbox, unsent: number, limits: Pick<Limits, "outboxFold">): Folded | undefined => {
  if (unsent > limits.outboxFold / 2) return undefined
  box.frames.push(...box.latest.values())
  box.latest = new Map()
  const { folded } = box
  box.folded = new Map()
  for (const topic of folded.keys()) box.catching.add(topic)
  return folded
}

/** Durable frames of the topic go through again; what was held back is in its catch-up. */
export const unfold = (box: Outbox, topic: TopicId): void => {
  box.folded.delete(topic)
  box.catching.delete(topic)
}

/** Whether two outboxes hold the very same frames, so that one buffer serves both. */
export const same = (a: ReadonlyArray<Frame>, b: ReadonlyArray<Frame>): boolean =>
  a.length === b.length && a.every((frame, i) => frame === b[i])

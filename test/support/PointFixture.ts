/** Vector points with default fields. */
import { CommandId, type Instant, TopicId } from "../../src/domain/protocol/Ids.ts"
import type { Payload, Point } from "../../src/domain/search/VectorPoint.ts"

/** The n-th point id; ids sort by n. */
export const pointId = (n: number): string => `00000000-0000-5000-8000-${n.toString(16).padStart(12, "0")}`

/** The topic id of a thread. */
export const threadId = (name: string): TopicId => TopicId.make(`thread:${name}`)

/** A payload with defaults. */
export const makePayload = (changes: Partial<Payload> = {}): Payload => ({
  thread: threadId("a"),
  message: CommandId.make("m"),
  author: "system:test",
  content: "text",
  content_hash: "0".repeat(64),
  visibility: "public",
  log_seq: 1,
  text_seq: 1,
  c: "0".repeat(43),
  embed_model: "test/model",
  created_at: 0 satisfies Instant,
  version: 1,
  ...changes
})

/** The n-th point. */
export const makePoint = (n: number, vector: ReadonlyArray<number>, changes: Partial<Payload> = {}): Point => ({
  id: pointId(n),
  vector,
  payload: makePayload(changes)
})

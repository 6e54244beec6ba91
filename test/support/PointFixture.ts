/** Points for tests: deterministic, with only what a test cares about spelled out. */
import { CommandId, type Instant, TopicId } from "../../src/domain/protocol/Ids.ts"
import type { Payload, Point } from "../../src/domain/search/VectorPoint.ts"

/** The n-th id; ids sort as their numbers do. */
export const pointId = (n: number): string => `00000000-0000-5000-8000-${n.toString(16).padStart(12, "0")}`

export const threadId = (name: string): TopicId => TopicId.make(`thread:${name}`)

export const makePayload = (changes: Partial<Payload> = {}): Payload => ({
  thread: threadId("a"),
  message: CommandId.make("m"),
  author: "system:test",
  content: "text",
  content_hash: "0".repeat(64),
  visibility: "public",
  log_seq: 1,
  embed_model: "test/model",
  created_at: 0 satisfies Instant,
  version: 1,
  ...changes
})

export const makePoint = (n: number, vector: ReadonlyArray<number>, changes: Partial<Payload> = {}): Point => ({
  id: pointId(n),
  vector,
  payload: makePayload(changes)
})

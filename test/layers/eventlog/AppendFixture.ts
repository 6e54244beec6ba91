/** Appends of numbered events, for the tests of the event log. */
import { Effect } from "effect"
import { CommandId, type TopicId } from "../../../src/domain/protocol/Ids.ts"
import { type AppendRequest, EventLog } from "../../../src/services/EventLog.ts"

/** `count` events after the seq `expected`, each caused by a command of its own. */
export const makeAppend = (
  topic: TopicId,
  expected: number,
  count: number,
  event: unknown = { text: "a line" }
): AppendRequest => ({
  topic,
  expectedSeq: expected,
  drafts: Array.from({ length: count }, (_, i) => ({
    topic,
    seq: expected + 1 + i,
    at: 1,
    cause: CommandId.make(`c${expected + 1 + i}`),
    principal: { server: "system:alice" },
    depth: 0,
    version: 1,
    event
  })),
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: undefined
})

/** Appends to the log. */
export const appendEvents = (...append: Parameters<typeof makeAppend>) =>
  Effect.flatMap(EventLog, (log) => log.append(makeAppend(...append)))

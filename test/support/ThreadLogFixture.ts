/** Thread events, appended to a log without a host. */
import { Effect } from "effect"
import { CommandId, type TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../src/domain/protocol/Principal.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import type { Erased } from "../../src/domain/topic/Erasure.ts"
import { EventLog } from "../../src/services/EventLog.ts"
import { sealed } from "./SealedFixture.ts"

/** The user id of a letter. */
export const userOf = (letter: string): UserId => UserId.make(letter.repeat(42) + "A")

/** A command id. */
export const commandId = (text: string): CommandId => CommandId.make(text)

/** The creation of a thread. */
export const threadCreated = (creator: UserId, visibility: ThreadModel.Visibility): ThreadModel.Event => ({
  _tag: "ThreadCreated",
  title: sealed("t"),
  visibility,
  creator,
  at: 1
})

/** The publication of a message. */
export const messagePublished = (id: string, author: UserId, content: string, at = 2): ThreadModel.Event => ({
  _tag: "MessagePublished",
  id: commandId(id),
  author,
  content: sealed(content),
  source: null,
  at
})

/** A new submission. */
export const submissionOpened = (id: string, author: UserId, content: string): ThreadModel.Event => ({
  _tag: "SubmissionOpened",
  id: commandId(id),
  author,
  content: sealed(content),
  stake: 1000,
  voters: [],
  at: 3,
  expires_at: 1000
})

/** The end of a submission. */
export const submissionSettled = (
  id: string,
  outcome: "approved" | "rejected" | "expired" | "cancelled",
  topic: TopicId
): ThreadModel.Event => ({
  _tag: "SubmissionSettled",
  id: commandId(id),
  outcome,
  ledger_request: { _tag: "SendCommand", id: commandId(`${id}/ask`), topic, input: {} },
  at: 4
})

/** Appends events to a thread; a `ThreadCreated` also writes its listing with these members. */
export const appendEvents = Effect.fnUntraced(function*(
  topic: TopicId,
  events: ReadonlyArray<ThreadModel.Event | Erased>,
  members: ReadonlyArray<UserId> = []
) {
  const log = yield* EventLog
  const head = yield* log.head(topic)
  const expected = head._tag === "None" ? 0 : head.value.position.seq
  const first = events[0]
  yield* log.append({
    topic,
    expectedSeq: expected,
    drafts: events.map((event, i) => ({
      topic,
      seq: expected + i + 1,
      at: event.at,
      cause: commandId(`${topic}/${expected + i + 1}`),
      principal: principalOf(userOf("A")),
      depth: 0,
      version: 1,
      event
    })),
    wakeAt: undefined,
    hasPendingIntents: false,
    listing: first?._tag === "ThreadCreated"
      ? { title: first.title, visibility: first.visibility, status: "active", members, updatedAt: 1 }
      : undefined
  })
})

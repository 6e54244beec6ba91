/** Threads for tests, written straight into a log: what hosts would have decided. */
import { Effect } from "effect"
import { CommandId, type TopicId, UserId } from "../../src/domain/Ids.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import { EventLog } from "../../src/services/EventLog.ts"

/** A user by a letter. */
export const user = (letter: string): UserId => UserId.make(letter.repeat(42) + "A")

export const command = (text: string): CommandId => CommandId.make(text)

export const created = (creator: UserId, visibility: ThreadModel.Visibility): ThreadModel.Event => ({
  _tag: "ThreadCreated",
  title: "t",
  visibility,
  creator,
  at: 1
})

export const published = (id: string, author: UserId, content: string, at = 2): ThreadModel.Event => ({
  _tag: "MessagePublished",
  id: command(id),
  author,
  content,
  source: null,
  at
})

export const opened = (id: string, author: UserId, content: string): ThreadModel.Event => ({
  _tag: "SubmissionOpened",
  id: command(id),
  author,
  content,
  stake: 1000,
  voters: [],
  at: 3,
  expires_at: 1000
})

export const settled = (
  id: string,
  outcome: "approved" | "rejected" | "expired" | "cancelled",
  topic: TopicId
): ThreadModel.Event => ({
  _tag: "SubmissionSettled",
  id: command(id),
  outcome,
  asks: { _tag: "Tell", id: command(`${id}/ask`), topic, input: {} },
  at: 4
})

/** Appends events to a thread. A first event lists it with these members. */
export const append = Effect.fnUntraced(function*(
  topic: TopicId,
  events: ReadonlyArray<ThreadModel.Event>,
  members: ReadonlyArray<UserId> = []
) {
  const log = yield* EventLog
  const head = yield* log.head(topic)
  const expected = head._tag === "None" ? 0 : head.value.position.seq
  const first = events[0]
  yield* log.append({
    topic,
    expected,
    drafts: events.map((event, i) => ({
      topic,
      seq: expected + i + 1,
      at: event.at,
      cause: command(`${topic}/${expected + i + 1}`),
      author: user("A"),
      version: 1,
      event: { ...event } as never
    })),
    wakeAt: undefined,
    owed: false,
    listing: first?._tag === "ThreadCreated"
      ? { title: first.title, visibility: first.visibility, status: "active", members, updatedAt: 1 }
      : undefined
  })
})

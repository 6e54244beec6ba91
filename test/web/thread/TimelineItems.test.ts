import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import type { PlainMessage, PlainSubmission } from "../../../src/domain/thread/ThreadModel.ts"
import { isSameDay } from "../../../src/web/language/Format.ts"
import { timelineItems } from "../../../src/web/thread/TimelineItems.ts"

const user = (n: number) => UserId.make(`${n}`.padStart(42, "u").concat("A"))
const minute = 60_000
const start = new Date(2026, 2, 17, 23, 50).getTime()

const message = (n: number, fields: Partial<PlainMessage> = {}): PlainMessage => ({
  id: CommandId.make(`m${n}`),
  seq: n + 1,
  author: user(1),
  content: `text ${n}`,
  at: start + n * minute,
  thread: TopicId.make("thread:t"),
  status: "published",
  approvals: [],
  source: null,
  ...fields
})

const submission = (n: number, status: PlainSubmission["status"]): PlainSubmission => ({
  id: CommandId.make(`s${n}`),
  seq: n + 1,
  author: user(2),
  content: "a submission",
  stake: 1_000,
  voters: [user(1)],
  votes: [],
  submitted_at: start + n * minute,
  expires_at: start + n * minute + 1,
  status
})

const rowsOf = (messages: ReadonlyArray<PlainMessage>, pending: ReadonlyArray<string> = []) =>
  timelineItems({ messages, submissions: [], gates: [], runs: [] }, pending)

const groups = (messages: ReadonlyArray<PlainMessage>) => rowsOf(messages).map((row) => row.isContinuation)

describe("rows of a timeline", () => {
  it("messages of one author within five minutes stand together", () => {
    assert.deepStrictEqual(groups([message(0), message(1), message(5), message(11)]), [false, true, true, false])
    assert.deepStrictEqual(groups([message(0), message(1, { author: user(2) }), message(2)]), [false, false, false])
    assert.deepStrictEqual(groups([message(0), message(1, { owner: user(3) })]), [false, false])
  })

  it("an approved message begins anew, since it says who approved it", () => {
    assert.deepStrictEqual(groups([message(0), message(1, { status: "approved", approvals: [user(2)] })]), [
      false,
      false
    ])
  })

  it("parts of one imported file stand together; another file begins anew", () => {
    const part = (n: number, source: string) => message(n, { at: start, source })
    assert.deepStrictEqual(groups([part(0, "a.md"), part(1, "a.md"), part(2, "b.md"), message(3)]), [
      false,
      true,
      false,
      false
    ])
  })

  it("a new day has its line, and begins anew", () => {
    const rows = rowsOf([message(8), message(9), message(10), message(11)])
    assert.deepStrictEqual(rows.map((row) => row.startsDay), [true, false, true, false])
    assert.deepStrictEqual(rows.map((row) => row.isContinuation), [false, true, false, true])
  })

  it("an approved submission is shown as its message only", () => {
    const submissions = [submission(1, "approved"), submission(2, "pending"), submission(3, "rejected")]
    const rows = timelineItems({ messages: [message(0)], submissions, gates: [], runs: [] }, [])
    assert.deepStrictEqual(rows.map(({ id }) => id), ["m0", "s2", "s3"])
  })

  const Messages = Schema.Array(Schema.Struct({
    minutes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_000 })),
    author: Schema.Literals([1, 2]),
    isPending: Schema.Boolean
  }))
  it.prop("rows are ordered by time, the unconfirmed last; each day starts once", { drawn: Messages }, ({ drawn }) => {
    const messages = drawn.map(({ author, minutes }, n) =>
      message(n, { at: start + minutes * minute, author: user(author) })
    )
    const pending = messages.filter((_, n) => drawn[n]!.isPending).map(({ id }) => id)
    const rows = rowsOf(messages, pending)
    assert.sameMembers(rows.map(({ id }) => id), messages.map(({ id }) => id))
    rows.forEach((row, index) => {
      const previous = rows[index - 1]
      // What did not change is the same object: its row is not rendered again.
      assert.isTrue(row._tag === "Message" && messages.includes(row.message))
      assert.strictEqual(row.startsDay, previous === undefined || !isSameDay(previous.at, row.at))
      if (previous === undefined) return
      assert.isAtLeast(Number(row.isPending), Number(previous.isPending))
      if (row.isPending === previous.isPending) assert.isAtLeast(row.at, previous.at)
      if (row.isContinuation) assert.isTrue(isSameDay(previous.at, row.at))
    })
  })
})

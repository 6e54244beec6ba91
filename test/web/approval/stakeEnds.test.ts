/** What the page says about the end of a vote, against what the thread and the ledger do. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, Schema } from "effect"
import type { StakeShare } from "../../../src/domain/approval/Approval.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { possibleEnds, settledShares } from "../../../src/web/approval/stakeEnds.ts"
import {
  alice,
  bob,
  carol,
  dave,
  deliverPending,
  sendCommand,
  stateOf,
  submissionWorld,
  submitMessage,
  threadId,
  voteOn
} from "../../domain/thread/ThreadFixture.ts"
import { advanceTime, commandId, getTopic, type TopicWorld, userId } from "../../support/TopicWorld.ts"

const author = userId(5)

const Ending = Schema.Literals(["approve", "deny", "leave"])
const Script = Schema.Struct({
  stake: Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: 1_020 })),
  /** What the first co-authors do, in order; the others do not vote. */
  turns: Schema.Array(Ending).check(Schema.isMaxLength(4)),
  coAuthors: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  isWithdrawn: Schema.Boolean
})

/** A submission by another user in a thread with this many co-authors. */
const submissionTo = (coAuthors: number, stake: number): TopicWorld => {
  const joining = [bob, carol, dave].slice(0, coAuthors - 1)
  const world = submissionWorld(...joining)
  const last = `s${joining.length - 1}`
  for (const voter of joining.length === 0 ? [] : [alice, ...joining.slice(0, -1)]) {
    sendCommand(world, voter, voteOn(last, "approve"))
  }
  deliverPending(world)
  assert.strictEqual(sendCommand(world, author, submitMessage("let me in", { stake }), "in"), "ok")
  return deliverPending(world)
}

const submissionIn = (world: TopicWorld): ThreadModel.PlainSubmission =>
  plain(stateOf(world)).submissions.find(({ id }) => id === commandId("in")) ?? assert.fail("no submission")

/** Where the ledger was asked to pay the stake, by account. */
const paidShares = (world: TopicWorld): ReadonlyArray<string> => {
  const events = getTopic(world, threadId).events as ReadonlyArray<ThreadModel.Event>
  const settled = events.find((event) => event._tag === "SubmissionSettled" && event.id === "in")
  if (settled?._tag !== "SubmissionSettled") return assert.fail("not settled")
  const settle = Schema.decodeUnknownSync(LedgerModel.Answer)(settled.ledger_request.input)
  return settle._tag !== "Settle"
    ? assert.fail("no settlement")
    : settle.shares.map(({ amount, to }) => `${to} ${amount}`)
}

const accountOf = ({ to }: StakeShare): string => {
  switch (to._tag) {
    case "Author":
      return `user:${author}`
    case "Commons":
      return "thread:t"
    case "Treasury":
      return "treasury"
    case "Voter":
      return `user:${to.voter}`
  }
}

describe("The ends of a vote", () => {
  it.prop(
    "[THR4] [THR7] a settled submission shows where the ledger paid its stake; an open one showed that end before",
    { script: Arbitrary.schema(Script) },
    ({ script: { coAuthors, isWithdrawn, stake, turns } }) => {
      const world = submissionTo(coAuthors, stake)
      const forecasts: Array<ReturnType<typeof possibleEnds>> = []
      const voters: ReadonlyArray<UserId> = submissionIn(world).voters
      let hasLeft = false
      for (const [index, turn] of turns.entries()) {
        const voter = voters[index]
        const submission = submissionIn(world)
        if (voter === undefined || submission.status !== "pending") break
        if (turn === "leave") {
          hasLeft = sendCommand(world, voter, { _tag: "divest" }) === "ok" || hasLeft
          continue
        }
        forecasts.push(possibleEnds(submission), possibleEnds(submission, { voter, choice: turn }))
        assert.strictEqual(sendCommand(world, voter, voteOn("in", turn)), "ok")
      }
      const isOpen = submissionIn(world).status === "pending"
      assert.strictEqual(settledShares(submissionIn(world)) === undefined, isOpen)
      if (isOpen && isWithdrawn) sendCommand(world, author, { _tag: "cancel_submission", message_id: commandId("in") })
      if (isOpen && !isWithdrawn) advanceTime(world, 8 * 24 * 3_600_000)
      const shares = settledShares(submissionIn(world)) ?? assert.fail("still open")
      assert.deepStrictEqual(shares.map((share) => `${accountOf(share)} ${share.amount}`), paidShares(world))
      // Who leaves, and time, end a vote in other ways than votes do.
      if (isOpen || hasLeft) return
      for (const forecast of forecasts) {
        assert.isTrue(forecast.some((end) => end.shares === undefined || Equal.equals(end.shares, shares)))
      }
      const [end, another] = forecasts.at(-1) ?? assert.fail("no vote")
      assert.deepStrictEqual([end?.shares, another], [shares, undefined])
    }
  )

  it("[THR4] before the first vote all ends are open; a split one has no numbers while they depend on more votes", () => {
    const voters = [alice, bob, carol]
    const open = { stake: 1_000, status: "pending", voters, votes: [] } as const
    assert.deepStrictEqual(
      possibleEnds(open).map(({ outcome, shares }) => [outcome, shares?.length]),
      [["approved", 4], ["split", undefined], ["denied", 1]]
    )
    assert.deepStrictEqual(possibleEnds(open, { voter: alice, choice: "deny" }).map(({ outcome }) => outcome), [
      "split",
      "denied"
    ])
  })
})

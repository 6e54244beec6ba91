import { assert, describe, it } from "@effect/vitest"
import * as Thread from "../../../src/domain/thread/Thread.ts"
import { threadLimits } from "../../../src/domain/thread/ThreadGuards.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { advanceTime, applyCommand, commandId } from "../../support/TopicWorld.ts"
import {
  alice,
  balanceOf,
  bob,
  carol,
  closeThread,
  coAuthorNames,
  dave,
  deliverPending,
  nameOf,
  sendCommand,
  stateOf,
  submissionAt,
  submissionWorld,
  submitMessage,
  threadId,
  threadWorld,
  userBalance,
  voteOn
} from "./ThreadFixture.ts"

describe("Submitting", () => {
  it("[THR2] a submission is not visible before its stake is reserved", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, bob, submitMessage("hi", { stake: 2_000 }), "s"), "ok")
    assert.deepStrictEqual(stateOf(world).submissions, [])
    assert.strictEqual(balanceOf(world, "stake:s"), 2_000)
    deliverPending(world)
    assert.deepStrictEqual(submissionAt(world)?.voters, [alice])
    const sevenDays = 7 * 24 * 3_600_000
    assert.strictEqual(submissionAt(world)?.expires_at, world.now + sevenDays)
    assert.deepStrictEqual(stateOf(world).messages, [])
  })

  it("[THR2] a stake has a minimum, and is covered by the balance", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, bob, submitMessage("hi", { stake: 999 })), "rule_violated THR2")
    assert.strictEqual(sendCommand(world, bob, submitMessage("hi", { stake: 10_001 })), "insufficient_funds LED1")
    assert.strictEqual(sendCommand(world, bob, submitMessage("hi", { source: "x" })), "forbidden THR2")
  })

  it("a text that an author has submitted already is rejected until its vote ends", () => {
    const world = submissionWorld(bob)
    assert.strictEqual(sendCommand(world, bob, submitMessage("by bob")), "rule_violated THR2")
    assert.strictEqual(sendCommand(world, carol, submitMessage("by bob")), "ok")
  })

  it("[THR2] an author who became a co-author while the stake was being reserved is published and refunded", () => {
    const world = submissionWorld(bob)
    sendCommand(world, bob, submitMessage("one more"), "late")
    assert.strictEqual(sendCommand(world, alice, voteOn("s0", "approve")), "ok")
    deliverPending(world)
    assert.deepStrictEqual(stateOf(world).messages.map(({ id }) => id), ["s0", "late"])
    assert.strictEqual(userBalance(world, bob), 9_000)
  })

  it("[THR2][LED4] an offer whose id was published meanwhile is rejected, and its stake returned", () => {
    const world = submissionWorld(bob)
    sendCommand(world, bob, submitMessage("one more"), "twice")
    sendCommand(world, alice, voteOn("s0", "approve"))
    assert.strictEqual(sendCommand(world, bob, submitMessage("one more"), "twice"), "ok")
    deliverPending(world)
    assert.deepStrictEqual(stateOf(world).messages.map(({ id }) => id), ["s0", "twice"])
    assert.strictEqual(stateOf(world).submissions.length, 1)
    assert.strictEqual(userBalance(world, bob), 9_000)
  })

  it("[SYN4] a repeated submission changes nothing, before its vote and after", () => {
    const world = submissionWorld(bob)
    const once = stateOf(world)
    assert.strictEqual(sendCommand(world, bob, submitMessage("by bob"), "s0"), "ok")
    assert.strictEqual(stateOf(deliverPending(world)), once)
    sendCommand(world, alice, voteOn("s0", "approve"))
    const approved = stateOf(deliverPending(world))
    assert.strictEqual(sendCommand(world, bob, submitMessage("by bob"), "s0"), "ok")
    assert.strictEqual(stateOf(deliverPending(world)), approved)
    assert.strictEqual(sendCommand(world, carol, submitMessage("mine now"), "s0"), "id_conflict SYN4")
    const closed = submissionWorld(bob)
    sendCommand(closed, alice, closeThread)
    assert.strictEqual(sendCommand(closed, bob, submitMessage("by bob"), "s0"), "ok")
  })
})

describe("Voting", () => {
  it("[THR3] the co-authors at submission cast one final vote each, and none on their own submission", () => {
    const world = submissionWorld(bob, carol)
    assert.strictEqual(sendCommand(world, carol, voteOn("s1", "approve")), "forbidden THR3")
    assert.strictEqual(sendCommand(world, dave, voteOn("s1", "approve")), "forbidden THR3")
    assert.strictEqual(sendCommand(world, alice, voteOn("s1", "approve")), "ok")
    assert.strictEqual(sendCommand(world, alice, voteOn("s1", "deny")), "rule_violated THR3")
    assert.strictEqual(sendCommand(world, alice, voteOn("nothing", "deny")), "not_found THR3")
    assert.strictEqual(submissionAt(world, 1)?.status, "pending")
    assert.strictEqual(sendCommand(world, bob, voteOn("s1", "approve")), "ok")
    assert.strictEqual(sendCommand(world, dave, voteOn("s1", "approve")), "forbidden THR3")
    assert.deepStrictEqual(coAuthorNames(world), ["alice", "bob", "carol"])
  })

  it("[THR3] a co-author who joined later has no vote", () => {
    const world = threadWorld()
    sendCommand(world, bob, submitMessage("b"), "b")
    sendCommand(world, carol, submitMessage("c"), "c")
    deliverPending(world)
    sendCommand(world, alice, voteOn("b", "approve"))
    assert.deepStrictEqual(coAuthorNames(world), ["alice", "bob"])
    assert.strictEqual(sendCommand(world, bob, voteOn("c", "approve")), "forbidden THR3")
  })

  it("[THR4][THR8] all approve: a message with its approvals, its author a co-author, and the approvers share the stake", () => {
    const world = submissionWorld(bob, carol)
    sendCommand(world, alice, voteOn("s1", "approve"))
    sendCommand(world, bob, voteOn("s1", "approve"))
    deliverPending(world)
    assert.deepStrictEqual(
      stateOf(world).messages.map((
        { approvals, author, status, thread }
      ) => [nameOf(author), status, approvals.map(nameOf), thread]),
      [
        ["bob", "approved", ["alice"], threadId],
        ["carol", "approved", ["alice", "bob"], threadId]
      ]
    )
    assert.deepStrictEqual([userBalance(world, alice), userBalance(world, bob), userBalance(world, carol)], [
      11_500,
      9_500,
      9_000
    ])
  })

  it("[THR4][THR6] all deny: rejected, and the thread receives the stake with the ledger's answer", () => {
    const world = submissionWorld(bob)
    sendCommand(world, alice, voteOn("s0", "deny"))
    assert.strictEqual(stateOf(world).token_balance, 0)
    assert.deepStrictEqual(stateOf(world).ledger_requests.map((ask) => ask.id), [commandId("s0:settle")])
    deliverPending(world)
    assert.strictEqual(submissionAt(world)?.status, "rejected")
    assert.strictEqual(stateOf(world).token_balance, 1_000)
    assert.deepStrictEqual(stateOf(world).ledger_requests, [])
    assert.deepStrictEqual(coAuthorNames(world), ["alice"])
  })
})

describe("Expiry and division", () => {
  it("[THR4] split: the treasury receives the approvers' part, the thread the rest", () => {
    const world = submissionWorld(bob, carol)
    const treasury = balanceOf(world, "treasury")
    sendCommand(world, alice, voteOn("s1", "approve"))
    sendCommand(world, bob, voteOn("s1", "deny"))
    deliverPending(world)
    assert.strictEqual(submissionAt(world, 1)?.status, "rejected")
    assert.strictEqual(stateOf(world).token_balance, 500)
    assert.strictEqual(balanceOf(world, "treasury"), treasury + 500)
  })

  it("[THR4] expired: the treasury receives the stake after a vote, the author without one", () => {
    const world = submissionWorld(bob, carol)
    sendCommand(world, dave, submitMessage("by dave"), "s2")
    deliverPending(world)
    sendCommand(world, alice, voteOn("s1", "approve"))
    world.now += threadLimits.submissionTtlMillis
    assert.strictEqual(sendCommand(world, bob, voteOn("s1", "approve")), "rule_violated THR4")
    assert.strictEqual(
      sendCommand(world, dave, { _tag: "cancel_submission", message_id: commandId("s2") }),
      "rule_violated THR4"
    )
    advanceTime(world, 0)
    deliverPending(world)
    assert.deepStrictEqual([submissionAt(world, 1)?.status, submissionAt(world, 2)?.status], ["expired", "expired"])
    assert.deepStrictEqual([userBalance(world, carol), userBalance(world, dave)], [9_000, 10_000])
    assert.isUndefined(Thread.threadKind.nextWake(stateOf(world)))
  })

  it("[THR4] each vote expires at its own time", () => {
    const world = submissionWorld(bob)
    world.now += threadLimits.submissionTtlMillis - 1
    sendCommand(world, carol, submitMessage("by carol"), "s1")
    deliverPending(world)
    advanceTime(world, 1)
    assert.deepStrictEqual([submissionAt(world, 0)?.status, submissionAt(world, 1)?.status], ["expired", "pending"])
    assert.strictEqual(Thread.threadKind.nextWake(stateOf(world)), world.now - 1 + threadLimits.submissionTtlMillis)
  })
})

describe("Cancelling", () => {
  it("[THR7] only its author cancels a submission, once, while it is open", () => {
    const world = submissionWorld(bob)
    const cancel: ThreadModel.CommandInput = { _tag: "cancel_submission", message_id: commandId("s0") }
    assert.strictEqual(sendCommand(world, alice, cancel), "forbidden THR7")
    assert.strictEqual(sendCommand(world, bob, cancel), "ok")
    deliverPending(world)
    assert.strictEqual(userBalance(world, bob), 10_000)
    // The vote is over by the rule itself, before the invariants are asked.
    for (const [author, command] of [[bob, cancel], [alice, voteOn("s0", "approve")]] as const) {
      const rejection = applyCommand(world, threadId, commandId(`again ${author}`), author, command)
      assert.deepInclude(rejection, { rule: "THR8", message: "the vote has ended: the submission is cancelled" })
    }
    const unknown: ThreadModel.CommandInput = { _tag: "cancel_submission", message_id: commandId("unknown") }
    assert.strictEqual(sendCommand(world, bob, unknown), "not_found THR3")
  })
})

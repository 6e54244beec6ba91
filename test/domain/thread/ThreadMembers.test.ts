import { assert, describe, it } from "@effect/vitest"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { UserId } from "../../../src/domain/protocol/Ids.ts"
import { threadLimits } from "../../../src/domain/thread/ThreadGuards.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import {
  advanceTime,
  commandId,
  deliverAll,
  getTopic,
  makeTopicWorld,
  type TopicWorld,
  userId
} from "../../support/TopicWorld.ts"
import {
  alice,
  balanceOf,
  bob,
  carol,
  dave,
  sendCommand,
  stateOf,
  submitMessage,
  threadId,
  voteOn
} from "./ThreadFixture.ts"

const coAuthorsOf = (world: TopicWorld) => stateOf(world).co_authors

const inviteCoAuthor = (invitee: UserId): ThreadModel.CommandInput => ({ _tag: "invite_co_author", user: invitee })
const leaveWithShare: ThreadModel.CommandInput = { _tag: "divest" }

/** A thread by Alice and these others. */
const coAuthoredWorld = (...others: ReadonlyArray<UserId>) => {
  const world = makeTopicWorld()
  sendCommand(world, alice, { _tag: "create_thread", name: "Bread" })
  for (const [n, other] of others.entries()) {
    sendCommand(world, alice, inviteCoAuthor(other), `in${n}`)
    for (const voter of coAuthorsOf(world)) if (voter !== alice) sendCommand(world, voter, voteOn(`in${n}`, "approve"))
  }
  assert.deepStrictEqual(coAuthorsOf(world), [alice, ...others])
  return world
}

/** Dave's submission is refused by everybody: his stake is the thread's. */
const forfeitStakeToThread = (world: TopicWorld) => {
  sendCommand(world, dave, submitMessage("spam"), "spam")
  deliverAll(world)
  for (const voter of coAuthorsOf(world)) sendCommand(world, voter, voteOn("spam", "deny"))
  deliverAll(world)
  assert.strictEqual(stateOf(world).token_balance, threadLimits.minimumStake)
  return world
}

describe("Co-authors of a thread", () => {
  it("[THR7][THR9] a single co-author invites without a vote; otherwise all others must approve", () => {
    const world = coAuthoredWorld(bob)
    assert.strictEqual(sendCommand(world, bob, inviteCoAuthor(carol), "carol"), "ok")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob])
    assert.strictEqual(sendCommand(world, bob, voteOn("carol", "approve")), "forbidden THR9")
    assert.strictEqual(sendCommand(world, dave, voteOn("carol", "approve")), "forbidden THR9")
    assert.strictEqual(sendCommand(world, alice, voteOn("carol", "approve")), "ok")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob, carol])
    assert.deepStrictEqual(stateOf(world).gates, [])
    assert.strictEqual(sendCommand(world, carol, submitMessage("hello")), "ok")
  })

  it("[THR7][THR9] one denial rejects the gate, and a vote is final", () => {
    const world = coAuthoredWorld(bob, carol)
    sendCommand(world, alice, inviteCoAuthor(dave), "dave")
    assert.strictEqual(sendCommand(world, bob, voteOn("dave", "deny")), "ok")
    assert.strictEqual(sendCommand(world, bob, voteOn("dave", "approve")), "rule_violated THR3")
    assert.strictEqual(sendCommand(world, carol, voteOn("dave", "approve")), "ok")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob, carol])
    assert.strictEqual(sendCommand(world, carol, voteOn("dave", "approve")), "not_found THR3")
    assert.strictEqual(sendCommand(world, alice, inviteCoAuthor(dave), "again"), "ok")
  })

  it("[THR7][SEC4] only co-authors invite, each user once, and only valid keys", () => {
    const world = coAuthoredWorld(bob)
    assert.strictEqual(sendCommand(world, dave, inviteCoAuthor(carol)), "forbidden THR7")
    assert.strictEqual(sendCommand(world, alice, inviteCoAuthor(bob)), "rule_violated THR7")
    assert.strictEqual(sendCommand(world, alice, inviteCoAuthor("A".repeat(43) as UserId)), "malformed SEC4")
    assert.strictEqual(sendCommand(world, alice, inviteCoAuthor(carol), "carol"), "ok")
    assert.strictEqual(sendCommand(world, bob, inviteCoAuthor(carol)), "rule_violated THR7")
  })

  it("[THR8][THR9] whom an approved submission made a co-author is not added again by an invitation", () => {
    const world = coAuthoredWorld(bob)
    assert.strictEqual(sendCommand(world, alice, inviteCoAuthor(dave), "gate"), "ok")
    sendCommand(world, dave, submitMessage("let me in"), "submission")
    deliverAll(world)
    for (const voter of [alice, bob]) sendCommand(world, voter, voteOn("submission", "approve"))
    deliverAll(world)
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob, dave])
    assert.strictEqual(sendCommand(world, bob, voteOn("gate", "approve")), "ok")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob, dave])
    assert.deepStrictEqual(stateOf(world).gates, [])
  })

  it("[THR7][THR9] an invitation expires after seven days", () => {
    const world = coAuthoredWorld(bob)
    sendCommand(world, alice, inviteCoAuthor(carol), "carol")
    advanceTime(world, threadLimits.submissionTtlMillis)
    assert.deepStrictEqual(stateOf(world).gates, [])
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob])
  })

  it("[THR9] each invitation expires at its own time", () => {
    const world = coAuthoredWorld(bob)
    sendCommand(world, alice, inviteCoAuthor(carol), "carol")
    world.now += threadLimits.submissionTtlMillis - 1
    sendCommand(world, alice, inviteCoAuthor(dave), "dave")
    advanceTime(world, 1)
    assert.deepStrictEqual(stateOf(world).gates.map(({ id }) => id as string), ["dave"])
    assert.strictEqual(sendCommand(world, bob, voteOn("dave", "approve")), "ok")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, bob, dave])
  })

  it("[THR7] a co-author leaves with an equal share, rounded down; the last one cannot leave", () => {
    const world = forfeitStakeToThread(coAuthoredWorld(bob, carol))
    assert.strictEqual(sendCommand(world, bob, leaveWithShare), "ok")
    assert.strictEqual(stateOf(world).token_balance, 667)
    deliverAll(world)
    // The first tokens are granted on the way (LED3).
    assert.strictEqual(balanceOf(world, LedgerModel.userAccount(bob)), 10_333)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(threadId)), 667)
    assert.deepStrictEqual(coAuthorsOf(world), [alice, carol])
    assert.strictEqual(sendCommand(world, bob, leaveWithShare), "forbidden THR7")
    assert.strictEqual(sendCommand(world, carol, leaveWithShare), "ok")
    deliverAll(world)
    assert.strictEqual(sendCommand(world, alice, leaveWithShare), "rule_violated THR7")
    assert.strictEqual(sendCommand(world, alice, { _tag: "close_thread" }), "ok")
    deliverAll(world)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(threadId)), 0)
  })

  it("[LED3] the ledger records why tokens moved: which vote, share or closing of which thread", () => {
    const world = forfeitStakeToThread(coAuthoredWorld(bob))
    sendCommand(world, bob, leaveWithShare)
    sendCommand(world, alice, { _tag: "close_thread" })
    deliverAll(world)
    const events = getTopic(world, LedgerModel.mainLedger).events as ReadonlyArray<LedgerModel.Event>
    const causes = events.flatMap((event) => event._tag === "Moved" ? [event.cause] : [])
    assert.deepStrictEqual(causes.filter(({ _tag }) => _tag !== "Grant"), [
      { _tag: "Settled", thread: threadId, submission: commandId("spam"), outcome: "rejected" },
      { _tag: "Divested", thread: threadId },
      { _tag: "Closed", thread: threadId }
    ])
  })

  it("[THR7] a share of zero makes no request to the ledger", () => {
    const world = coAuthoredWorld(bob)
    assert.strictEqual(sendCommand(world, bob, leaveWithShare), "ok")
    assert.deepStrictEqual(stateOf(world).ledger_requests, [])
  })

  it("[THR3] a co-author who leaves without voting leaves the quorum, and votes that this decides end", () => {
    const world = coAuthoredWorld(bob, carol)
    sendCommand(world, dave, submitMessage("let me in"), "dave")
    deliverAll(world)
    sendCommand(world, alice, voteOn("dave", "approve"))
    sendCommand(world, carol, inviteCoAuthor(userId(4)), "guest")
    sendCommand(world, alice, voteOn("guest", "approve"))
    assert.strictEqual(sendCommand(world, carol, leaveWithShare), "ok")
    assert.strictEqual(stateOf(world).submissions[0]?.status, "pending")
    assert.strictEqual(sendCommand(world, bob, leaveWithShare), "ok")
    assert.strictEqual(stateOf(world).submissions[0]?.status, "approved")
    assert.deepStrictEqual(coAuthorsOf(world), [alice, dave, userId(4)])
  })
})

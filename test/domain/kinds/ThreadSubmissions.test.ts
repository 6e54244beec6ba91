import { assert, describe, it } from "@effect/vitest"
import * as Thread from "../../../src/domain/kinds/Thread.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { policy } from "../../../src/domain/kinds/ThreadRules.ts"
import { id, pass } from "../../support/scripts.ts"
import {
  alice,
  balanceOf,
  begun,
  bob,
  carol,
  carried,
  close,
  coAuthors,
  dave,
  nameOf,
  say,
  send,
  stateOf,
  submission,
  submitted,
  tokens,
  vote
} from "./OneThread.ts"

describe("What others submit", () => {
  it("[THR2] anyone else's message is seen by nobody before its stake is reserved", () => {
    const world = begun()
    assert.strictEqual(send(world, bob, say("hi", { stake: 2_000 }), "s"), "ok")
    assert.deepStrictEqual(stateOf(world).submissions, [])
    assert.strictEqual(balanceOf(world, "stake:s"), 2_000)
    carried(world)
    assert.deepStrictEqual(submission(world)?.voters, [alice])
    assert.strictEqual(submission(world)?.expires_at, world.now + policy.submissionTtl)
    assert.deepStrictEqual(stateOf(world).messages, [])
  })

  it("[THR2] a stake has a minimum, and must be there", () => {
    const world = begun()
    assert.strictEqual(send(world, bob, say("hi", { stake: 999 })), "rule_violated THR2")
    assert.strictEqual(send(world, bob, say("hi", { stake: 10_001 })), "insufficient_funds LED1")
    assert.strictEqual(send(world, bob, say("hi", { source: "x" })), "forbidden THR2")
  })

  it("[THR2] the same text is not put to the vote twice by one author", () => {
    const world = submitted(bob)
    assert.strictEqual(send(world, bob, say("by bob")), "rule_violated THR2")
    assert.strictEqual(send(world, carol, say("by bob")), "ok")
  })

  it("[THR2] whoever became a co-author while the stake was reserved is published, and gets it back", () => {
    const world = submitted(bob)
    send(world, bob, say("one more"), "late")
    assert.strictEqual(send(world, alice, vote("s0", "approve")), "ok")
    carried(world)
    assert.deepStrictEqual(stateOf(world).messages.map(({ id }) => id), ["s0", "late"])
    assert.strictEqual(tokens(world, bob), 9_000)
  })

  it("[THR2][LED4] what was published under the same id meanwhile is not put to the vote, and the stake flows back", () => {
    const world = submitted(bob)
    send(world, bob, say("one more"), "twice")
    send(world, alice, vote("s0", "approve"))
    assert.strictEqual(send(world, bob, say("one more"), "twice"), "ok")
    carried(world)
    assert.deepStrictEqual(stateOf(world).messages.map(({ id }) => id), ["s0", "twice"])
    assert.strictEqual(stateOf(world).submissions.length, 1)
    assert.strictEqual(tokens(world, bob), 9_000)
  })

  it("[SYN4] a submission sent again changes nothing, before its vote and after", () => {
    const world = submitted(bob)
    const once = stateOf(world)
    assert.strictEqual(send(world, bob, say("by bob"), "s0"), "ok")
    assert.strictEqual(stateOf(carried(world)), once)
    send(world, alice, vote("s0", "approve"))
    const approved = stateOf(carried(world))
    assert.strictEqual(send(world, bob, say("by bob"), "s0"), "ok")
    assert.strictEqual(stateOf(carried(world)), approved)
    assert.strictEqual(send(world, carol, say("mine now"), "s0"), "id_conflict SYN4")
    const closed = submitted(bob)
    send(closed, alice, close)
    assert.strictEqual(send(closed, bob, say("by bob"), "s0"), "ok")
  })

  it("[THR3] one vote each, final, by those who were co-authors then, not on one's own", () => {
    const world = submitted(bob, carol)
    assert.strictEqual(send(world, carol, vote("s1", "approve")), "forbidden THR3")
    assert.strictEqual(send(world, dave, vote("s1", "approve")), "forbidden THR3")
    assert.strictEqual(send(world, alice, vote("s1", "approve")), "ok")
    assert.strictEqual(send(world, alice, vote("s1", "deny")), "rule_violated THR3")
    assert.strictEqual(send(world, alice, vote("nothing", "deny")), "not_found THR3")
    assert.strictEqual(submission(world, 1)?.status, "pending")
    assert.strictEqual(send(world, bob, vote("s1", "approve")), "ok")
    assert.strictEqual(send(world, dave, vote("s1", "approve")), "forbidden THR3")
    assert.deepStrictEqual(coAuthors(world), ["alice", "bob", "carol"])
  })

  it("[THR3] a co-author who joined later has no vote", () => {
    const world = begun()
    send(world, bob, say("b"), "b")
    send(world, carol, say("c"), "c")
    carried(world)
    send(world, alice, vote("b", "approve"))
    assert.deepStrictEqual(coAuthors(world), ["alice", "bob"])
    assert.strictEqual(send(world, bob, vote("c", "approve")), "forbidden THR3")
  })

  it("[THR4] all approve: published, co-author, and the stake to the approvers", () => {
    const world = submitted(bob, carol)
    send(world, alice, vote("s1", "approve"))
    send(world, bob, vote("s1", "approve"))
    carried(world)
    assert.deepStrictEqual(stateOf(world).messages.map(({ author, origin }) => [nameOf(author), origin]), [
      ["bob", "approved"],
      ["carol", "approved"]
    ])
    assert.deepStrictEqual([tokens(world, alice), tokens(world, bob), tokens(world, carol)], [11_500, 9_500, 9_000])
  })

  it("[THR4][THR6] all deny: rejected, and the thread has the stake once the ledger says so", () => {
    const world = submitted(bob)
    send(world, alice, vote("s0", "deny"))
    assert.strictEqual(stateOf(world).token_balance, 0)
    assert.deepStrictEqual(stateOf(world).owed.map((ask) => ask.id), [id("s0:settle")])
    carried(world)
    assert.strictEqual(submission(world)?.status, "rejected")
    assert.strictEqual(stateOf(world).token_balance, 1_000)
    assert.deepStrictEqual(stateOf(world).owed, [])
    assert.deepStrictEqual(coAuthors(world), ["alice"])
  })

  it("[THR4] split: the approvers' part to the treasury, the rest to the thread", () => {
    const world = submitted(bob, carol)
    const treasury = balanceOf(world, "treasury")
    send(world, alice, vote("s1", "approve"))
    send(world, bob, vote("s1", "deny"))
    carried(world)
    assert.strictEqual(submission(world, 1)?.status, "rejected")
    assert.strictEqual(stateOf(world).token_balance, 500)
    assert.strictEqual(balanceOf(world, "treasury"), treasury + 500)
  })

  it("[THR4] expired: to the treasury after a vote, back to the author without one", () => {
    const world = submitted(bob, carol)
    send(world, dave, say("by dave"), "s2")
    carried(world)
    send(world, alice, vote("s1", "approve"))
    world.now += policy.submissionTtl
    assert.strictEqual(send(world, bob, vote("s1", "approve")), "rule_violated THR4")
    assert.strictEqual(send(world, dave, { _tag: "cancel_submission", message_id: id("s2") }), "rule_violated THR4")
    pass(world, 0)
    carried(world)
    assert.deepStrictEqual([submission(world, 1)?.status, submission(world, 2)?.status], ["expired", "expired"])
    assert.deepStrictEqual([tokens(world, carol), tokens(world, dave)], [9_000, 10_000])
    assert.isUndefined(Thread.thread.nextWake(stateOf(world)))
  })

  it("[THR4] only votes whose time is over expire", () => {
    const world = submitted(bob)
    world.now += policy.submissionTtl - 1
    send(world, carol, say("by carol"), "s1")
    carried(world)
    pass(world, 1)
    assert.deepStrictEqual([submission(world, 0)?.status, submission(world, 1)?.status], ["expired", "pending"])
    assert.strictEqual(Thread.thread.nextWake(stateOf(world)), world.now - 1 + policy.submissionTtl)
  })

  it("[THR7] its author takes an open submission back, nobody else, and only once", () => {
    const world = submitted(bob)
    const cancel: Model.Command = { _tag: "cancel_submission", message_id: id("s0") }
    assert.strictEqual(send(world, alice, cancel), "forbidden THR7")
    assert.strictEqual(send(world, bob, cancel), "ok")
    carried(world)
    assert.strictEqual(tokens(world, bob), 10_000)
    assert.strictEqual(send(world, bob, cancel), "rule_violated THR8")
    assert.strictEqual(send(world, alice, vote("s0", "approve")), "rule_violated THR8")
  })
})

import { assert, describe, it } from "@effect/vitest"
import type { UserId } from "../../../src/domain/Ids.ts"
import * as LedgerModel from "../../../src/domain/kinds/LedgerModel.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { policy } from "../../../src/domain/kinds/ThreadRules.ts"
import { drain, makeWorld, pass, user, type World } from "../../support/scripts.ts"
import { alice, balanceOf, bob, carol, dave, say, send, stateOf, t, vote } from "./OneThread.ts"

const members = (world: World) => stateOf(world).co_authors

const invite = (who: UserId): Model.Command => ({ _tag: "invite_co_author", user: who })
const leave: Model.Command = { _tag: "divest" }

/** A thread by Alice and these others. */
const shared = (...others: ReadonlyArray<UserId>) => {
  const world = makeWorld()
  send(world, alice, { _tag: "create_thread", name: "Bread" })
  for (const [n, other] of others.entries()) {
    send(world, alice, invite(other), `in${n}`)
    for (const voter of members(world)) if (voter !== alice) send(world, voter, vote(`in${n}`, "approve"))
  }
  assert.deepStrictEqual(members(world), [alice, ...others])
  return world
}

/** Dave's submission is refused by everybody: his stake is the thread's. */
const enrich = (world: World) => {
  send(world, dave, say("spam"), "spam")
  drain(world)
  for (const voter of members(world)) send(world, voter, vote("spam", "deny"))
  drain(world)
  assert.strictEqual(stateOf(world).token_balance, policy.minimumStake)
  return world
}

describe("Co-authors of a thread", () => {
  it("[THR7] who is alone invites alone; then all the others must approve", () => {
    const world = shared(bob)
    assert.strictEqual(send(world, bob, invite(carol), "carol"), "ok")
    assert.deepStrictEqual(members(world), [alice, bob])
    assert.strictEqual(send(world, bob, vote("carol", "approve")), "forbidden THR9")
    assert.strictEqual(send(world, dave, vote("carol", "approve")), "forbidden THR9")
    assert.strictEqual(send(world, alice, vote("carol", "approve")), "ok")
    assert.deepStrictEqual(members(world), [alice, bob, carol])
    assert.deepStrictEqual(stateOf(world).gates, [])
    assert.strictEqual(send(world, carol, say("hello")), "ok")
  })

  it("[THR7] [THR9] one denial keeps the gate shut, and a vote is final", () => {
    const world = shared(bob, carol)
    send(world, alice, invite(dave), "dave")
    assert.strictEqual(send(world, bob, vote("dave", "deny")), "ok")
    assert.strictEqual(send(world, bob, vote("dave", "approve")), "rule_violated THR3")
    assert.strictEqual(send(world, carol, vote("dave", "approve")), "ok")
    assert.deepStrictEqual(members(world), [alice, bob, carol])
    assert.strictEqual(send(world, carol, vote("dave", "approve")), "not_found THR3")
    assert.strictEqual(send(world, alice, invite(dave), "again"), "ok")
  })

  it("[THR7] only co-authors invite, nobody twice, and no key that cannot be proved", () => {
    const world = shared(bob)
    assert.strictEqual(send(world, dave, invite(carol)), "forbidden THR7")
    assert.strictEqual(send(world, alice, invite(bob)), "rule_violated THR7")
    assert.strictEqual(send(world, alice, invite("A".repeat(43) as UserId)), "malformed SEC4")
    assert.strictEqual(send(world, alice, invite(carol), "carol"), "ok")
    assert.strictEqual(send(world, bob, invite(carol)), "rule_violated THR7")
  })

  it("[THR7] [THR9] an invitation that is not voted on in seven days is over", () => {
    const world = shared(bob)
    send(world, alice, invite(carol), "carol")
    pass(world, policy.submissionTtl)
    assert.deepStrictEqual(stateOf(world).gates, [])
    assert.deepStrictEqual(members(world), [alice, bob])
  })

  it("[THR7] a leaver takes an equal share, rounded down; the last one can only close", () => {
    const world = enrich(shared(bob, carol))
    assert.strictEqual(send(world, bob, leave), "ok")
    assert.strictEqual(stateOf(world).token_balance, 667)
    drain(world)
    // The first tokens are granted on the way (LED3).
    assert.strictEqual(balanceOf(world, LedgerModel.userAccount(bob)), 10_333)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(t)), 667)
    assert.deepStrictEqual(members(world), [alice, carol])
    assert.strictEqual(send(world, bob, leave), "forbidden THR7")
    assert.strictEqual(send(world, carol, leave), "ok")
    drain(world)
    assert.strictEqual(send(world, alice, leave), "rule_violated THR7")
    assert.strictEqual(send(world, alice, { _tag: "close_thread" }), "ok")
    drain(world)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(t)), 0)
  })

  it("[THR7] whoever leaves with nothing asks the ledger for nothing", () => {
    const world = shared(bob)
    assert.strictEqual(send(world, bob, leave), "ok")
    assert.deepStrictEqual(stateOf(world).owed, [])
  })

  it("[THR3] a leaver's missing vote leaves the quorum, and ends the votes that waited for it", () => {
    const world = shared(bob, carol)
    send(world, dave, say("let me in"), "dave")
    drain(world)
    send(world, alice, vote("dave", "approve"))
    send(world, carol, invite(user(4)), "guest")
    send(world, alice, vote("guest", "approve"))
    assert.strictEqual(send(world, carol, leave), "ok")
    assert.strictEqual(stateOf(world).submissions[0]?.status, "pending")
    assert.strictEqual(send(world, bob, leave), "ok")
    assert.strictEqual(stateOf(world).submissions[0]?.status, "approved")
    assert.deepStrictEqual(members(world), [alice, dave, user(4)])
  })
})

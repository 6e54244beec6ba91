import { assert, describe, it } from "@effect/vitest"
import type { Author } from "../../../src/domain/Ids.ts"
import * as LedgerModel from "../../../src/domain/kinds/LedgerModel.ts"
import * as Thread from "../../../src/domain/kinds/Thread.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { fold } from "../../../src/domain/Topic.ts"
import { id, makeWorld, put } from "../../support/scripts.ts"
import {
  alice,
  ask,
  balanceOf,
  begun,
  bob,
  carol,
  carried,
  close,
  coAuthors,
  create,
  dave,
  say,
  send,
  stateOf,
  submitted,
  t,
  tokens,
  vote
} from "./OneThread.ts"

const signedOnly: Model.Command = { _tag: "create_thread", name: "Signed", require_signatures: true }

describe("Thread", () => {
  it("[AUT5] a thread may demand that every command is signed, from its first on", () => {
    let sent = 0
    const decide = (state: Model.State, input: Model.Command, signed: boolean, author: Author = alice) =>
      Thread.thread.decide(state, input, { id: id(`c${sent++}`), author, now: 1, seed: 0, signed })
    const events = (outcome: ReturnType<typeof decide>) =>
      outcome._tag === "Success" && outcome.success._tag === "Accept" ? outcome.success.events : []
    const refusal = (outcome: ReturnType<typeof decide>) => outcome._tag === "Failure" ? outcome.failure : undefined

    const absent = Thread.thread.initial(t)
    assert.deepInclude(refusal(decide(absent, signedOnly, false)), { code: "forbidden", rule: "AUT5" })
    const made = fold(Thread.thread, absent, events(decide(absent, { ...signedOnly, visibility: "members" }, true)))
    assert.isTrue(made.require_signatures)
    assert.deepInclude(refusal(decide(made, say("no"), false)), { code: "forbidden", rule: "AUT5" })
    assert.strictEqual(refusal(decide(made, say("no"), false, bob))?.code, "not_found")
    assert.lengthOf(events(decide(made, say("yes"), true)), 1)
    const open = fold(Thread.thread, absent, events(decide(absent, create, false)))
    assert.isFalse(open.require_signatures)
    assert.lengthOf(events(decide(open, say("yes"), false)), 1)
  })

  it("[THR1] its creator is the first co-author, and its id is taken", () => {
    const world = begun()
    const { status, title, version, visibility } = stateOf(world)
    assert.deepStrictEqual({ status, title, version, visibility }, {
      status: "active",
      title: "Bread",
      version: 1,
      visibility: "public"
    })
    assert.deepStrictEqual(coAuthors(world), ["alice"])
    assert.strictEqual(send(world, bob, create), "id_conflict THR1")
    assert.strictEqual(send(makeWorld(), alice, { ...create, name: "  " }), "malformed THR1")
    assert.strictEqual(send(makeWorld(), "system:server", create), "forbidden AUT4")
  })

  it("[THR7] the last co-author closes: tokens to them, submissions refunded, runs cancelled, reading goes on", () => {
    const world = submitted(bob)
    send(world, alice, vote("s0", "deny"))
    send(world, carol, say("by carol"), "s1")
    carried(world)
    send(world, dave, say("too late"), "s2")
    send(world, alice, ask, "p")
    assert.strictEqual(send(world, bob, close), "forbidden THR7")
    assert.strictEqual(send(world, alice, close), "ok")
    carried(world)
    assert.deepStrictEqual([tokens(world, alice), tokens(world, carol), tokens(world, dave)], [11_000, 10_000, 10_000])
    assert.strictEqual(stateOf(world).token_balance, 0)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(t)), 0)
    assert.strictEqual(stateOf(world).runs[0]?.status, "cancelled")
    for (const late of [say("more"), ask, close]) assert.strictEqual(send(world, alice, late), "rule_violated THR7")
    assert.isTrue(Thread.thread.canRead(stateOf(world), dave))
  })

  it("[THR7] what reaches a thread after it was closed is paid out too", () => {
    const world = submitted(bob)
    send(world, alice, vote("s0", "deny"))
    send(world, alice, close)
    carried(world)
    assert.strictEqual(tokens(world, alice), 11_000)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(t)), 0)
  })

  it("[THR7] while there are other co-authors nobody closes", () => {
    const world = submitted(bob, carol)
    assert.strictEqual(send(world, alice, close), "rule_violated THR7")
  })

  it("[THR10][AUT4] a members' thread looks to others as if it were not there", () => {
    const world = begun({ _tag: "create_thread", name: "Secret", visibility: "members" })
    send(world, alice, ask, "p")
    const absent = makeWorld()
    const all: ReadonlyArray<Model.Command> = [
      say("hi"),
      vote("s", "deny"),
      { _tag: "cancel_submission", message_id: id("s") },
      ask,
      { _tag: "cancel_run", prompt_id: id("p") },
      close
    ]
    for (const command of all) {
      assert.strictEqual(send(world, bob, command), "not_found AUT4")
      assert.strictEqual(send(absent, bob, command), "not_found AUT4")
    }
    const state = stateOf(world)
    assert.isFalse(Thread.thread.canRead(state, bob))
    assert.isTrue(Thread.thread.canRead(state, alice) && Thread.thread.canRead(state, "system:server"))
    assert.isFalse(Thread.thread.canRead(stateOf(absent), "system:server"))
    assert.deepStrictEqual(Thread.thread.listing(state)?.members, [alice])
    assert.isUndefined(Thread.thread.listing(stateOf(absent)))
  })

  it("[THR6] offers and answers are taken from the server only, and offers from the ledger only", () => {
    const world = begun()
    const offer = { _tag: "SubmissionOffered", id: id("x"), author: bob, content: "free", stake: 1_000 }
    assert.strictEqual(put(world, t, id("1"), bob, offer)?.rule, "AUT4")
    assert.strictEqual(put(world, t, id("2"), "system:thread:other", offer)?.rule, "THR6")
    assert.strictEqual(put(world, t, id("3"), alice, { _tag: "Woke" })?.rule, "AUT4")
  })

  it("[THR6] the ledger's answer to something never asked changes nothing", () => {
    const world = begun()
    const before = stateOf(world)
    put(world, t, id("e"), "system:host", { _tag: "Told", id: id("x:settle"), rejection: null })
    assert.strictEqual(stateOf(world), before)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../../src/domain/protocol/Principal.ts"
import * as Thread from "../../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { fold } from "../../../src/domain/topic/Topic.ts"
import { threadCommandPayloads } from "../../support/AllMessages.ts"
import { inputOf, sealed } from "../../support/SealedFixture.ts"
import { applyCommand, commandId, makeTopicWorld } from "../../support/TopicWorld.ts"
import {
  alice,
  balanceOf,
  bob,
  carol,
  closeThread,
  coAuthorNames,
  createThread,
  dave,
  deliverPending,
  sendCommand,
  stateOf,
  submissionWorld,
  submitMessage,
  submitPrompt,
  threadId,
  threadWorld,
  userBalance,
  voteOn
} from "./ThreadFixture.ts"

const signedOnly: ThreadModel.CommandInput = { _tag: "create_thread", name: "Signed", require_signatures: true }

describe("Access", () => {
  it("[AUT5] a thread can require a signature on every command, from its first on", () => {
    let sent = 0
    const decide = (
      state: ThreadModel.State,
      input: ThreadModel.CommandInput,
      signed: boolean,
      author: Author = alice
    ) =>
      Thread.threadKind.decide(state, inputOf(Thread.threadKind, input), {
        id: commandId(`c${sent++}`),
        author,
        now: 1,
        seed: 0,
        signed
      })
    const events = (outcome: ReturnType<typeof decide>) =>
      outcome._tag === "Success" && outcome.success._tag === "Accept" ? outcome.success.events : []
    const rejectionOf = (outcome: ReturnType<typeof decide>) => outcome._tag === "Failure" ? outcome.failure : undefined

    const absent = Thread.threadKind.initial(threadId)
    assert.deepInclude(rejectionOf(decide(absent, signedOnly, false)), { code: "forbidden", rule: "AUT5" })
    const made = fold(Thread.threadKind, absent, events(decide(absent, { ...signedOnly, visibility: "members" }, true)))
    assert.isTrue(made.require_signatures)
    assert.deepInclude(rejectionOf(decide(made, submitMessage("no"), false)), { code: "forbidden", rule: "AUT5" })
    assert.strictEqual(rejectionOf(decide(made, submitMessage("no"), false, bob))?.code, "not_found")
    assert.lengthOf(events(decide(made, submitMessage("yes"), true)), 1)
    const [message] = events(decide(made, submitMessage("yes"), true))
    const erase = (signed: boolean, author: Author = alice) =>
      Thread.threadKind.decide(fold(Thread.threadKind, made, [message!]), { _tag: "erase", seq: 2 }, {
        id: commandId("e"),
        author,
        now: 2,
        seed: 0,
        signed,
        past: new Map([[2, { principal: principalOf(alice), event: message }]])
      })
    assert.deepInclude(rejectionOf(erase(false)), { code: "forbidden", rule: "AUT5" })
    assert.strictEqual(rejectionOf(erase(false, bob))?.code, "not_found")
    assert.lengthOf(events(erase(true)), 1)
    assert.lengthOf(events(erase(false, "system:operator/ada")), 1)
    const open = fold(Thread.threadKind, absent, events(decide(absent, createThread, false)))
    assert.isFalse(open.require_signatures)
    assert.lengthOf(events(decide(open, submitMessage("yes"), false)), 1)
  })

  it("[SEC9][AUT4] a user who may not read a thread gets the answer of one that does not exist", () => {
    const state = stateOf(threadWorld({ ...createThread, visibility: "members" }))
    const absent = Thread.threadKind.initial(threadId)
    assert.isFalse(Thread.threadKind.canRead(state, bob))
    assert.isTrue(Thread.threadKind.canRead(state, alice))
    for (const [tag, payload] of Object.entries(threadCommandPayloads)) {
      // Creating requires an unused id, which the rejection states.
      if (tag === "create_thread") continue
      const command = inputOf(Thread.threadKind, { _tag: tag, ...payload } as ThreadModel.CommandInput)
      const context = { id: commandId("c"), author: bob, now: 1, seed: 0 }
      const rejected = Thread.threadKind.decide(state, command, context)
      assert.deepStrictEqual(rejected, Thread.threadKind.decide(absent, command, context), tag)
      assert.isTrue(Result.isFailure(rejected) && rejected.failure.code === "not_found", tag)
    }
  })
})

describe("Life cycle", () => {
  it("[THR1] the creator is the first co-author, the title stays as it was written, and the id cannot be used again", () => {
    const world = threadWorld()
    const { status, title, version, visibility } = plain(stateOf(world))
    assert.deepStrictEqual({ status, title, version, visibility }, {
      status: "active",
      title: " Bread ",
      version: 1,
      visibility: "public"
    })
    assert.deepStrictEqual(coAuthorNames(world), ["alice"])
    assert.strictEqual(sendCommand(world, bob, createThread), "id_conflict THR1")
    assert.strictEqual(sendCommand(makeTopicWorld(), alice, { ...createThread, name: "  " }), "malformed THR1")
    assert.strictEqual(sendCommand(makeTopicWorld(), "system:server", createThread), "forbidden AUT4")
  })

  it("[THR7] closing pays the balance to the last co-author, refunds submissions, cancels runs, and keeps the thread readable", () => {
    const world = submissionWorld(bob)
    sendCommand(world, alice, voteOn("s0", "deny"))
    sendCommand(world, carol, submitMessage("by carol"), "s1")
    deliverPending(world)
    sendCommand(world, dave, submitMessage("too late"), "s2")
    sendCommand(world, alice, submitPrompt, "p")
    assert.strictEqual(sendCommand(world, bob, closeThread), "forbidden THR7")
    assert.strictEqual(sendCommand(world, alice, closeThread), "ok")
    deliverPending(world)
    assert.deepStrictEqual([userBalance(world, alice), userBalance(world, carol), userBalance(world, dave)], [
      11_000,
      10_000,
      10_000
    ])
    assert.strictEqual(stateOf(world).token_balance, 0)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(threadId)), 0)
    assert.strictEqual(stateOf(world).runs[0]?.status, "cancelled")
    for (const late of [submitMessage("more"), submitPrompt, closeThread]) {
      assert.strictEqual(sendCommand(world, alice, late), "rule_violated THR7")
    }
    assert.isTrue(Thread.threadKind.canRead(stateOf(world), dave))
  })

  it("[THR7] tokens that reach a closed thread are paid to its last co-author", () => {
    const world = submissionWorld(bob)
    sendCommand(world, alice, voteOn("s0", "deny"))
    sendCommand(world, alice, closeThread)
    deliverPending(world)
    assert.strictEqual(userBalance(world, alice), 11_000)
    assert.strictEqual(balanceOf(world, LedgerModel.threadAccount(threadId)), 0)
  })

  it("[THR7] a thread with several co-authors cannot be closed", () => {
    const world = submissionWorld(bob, carol)
    assert.strictEqual(sendCommand(world, alice, closeThread), "rule_violated THR7")
  })
})

describe("Visibility and answers", () => {
  it("[THR10] a members' thread is readable by its co-authors and the server, and listed for its co-authors", () => {
    const world = threadWorld({ _tag: "create_thread", name: "Secret", visibility: "members" })
    const absent = makeTopicWorld()
    const state = stateOf(world)
    assert.isFalse(Thread.threadKind.canRead(state, bob))
    assert.isTrue(Thread.threadKind.canRead(state, alice) && Thread.threadKind.canRead(state, "system:server"))
    assert.isFalse(Thread.threadKind.canRead(stateOf(absent), "system:server"))
    assert.deepStrictEqual(Thread.threadKind.listing(state)?.members, [alice])
    assert.isUndefined(Thread.threadKind.listing(stateOf(absent)))
  })

  it("[THR6] accepts offers from the ledger only, and other answers from the server only", () => {
    const world = threadWorld()
    const offer = {
      _tag: "SubmissionOffered",
      id: commandId("x"),
      author: bob,
      content: sealed("free").seal,
      stake: 1_000
    }
    assert.strictEqual(applyCommand(world, threadId, commandId("1"), bob, offer)?.rule, "AUT4")
    assert.strictEqual(applyCommand(world, threadId, commandId("2"), "system:thread:other", offer)?.rule, "THR6")
    assert.strictEqual(applyCommand(world, threadId, commandId("3"), alice, { _tag: "TimerFired" })?.rule, "AUT4")
  })

  it("[THR6][LED4] an answer of the ledger without a pending request changes nothing", () => {
    const world = threadWorld()
    const before = stateOf(world)
    applyCommand(world, threadId, commandId("e"), "system:host", {
      _tag: "CommandOutcome",
      id: commandId("x:settle"),
      rejection: null
    })
    assert.strictEqual(stateOf(world), before)
  })
})

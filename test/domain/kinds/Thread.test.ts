import { assert, describe, it } from "@effect/vitest"
import type { Author } from "../../../src/domain/Ids.ts"
import * as Ledger from "../../../src/domain/kinds/Ledger.ts"
import * as LedgerModel from "../../../src/domain/kinds/LedgerModel.ts"
import { maxContentBytes } from "../../../src/domain/kinds/Text.ts"
import * as Thread from "../../../src/domain/kinds/Thread.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { policy } from "../../../src/domain/kinds/ThreadRules.ts"
import { fold } from "../../../src/domain/Topic.ts"
import { at, drain, id, makeWorld, pass, put, topic, user, type World } from "../../support/scripts.ts"

const t = topic("thread:t")
const [alice, bob, carol, dave] = [user(0), user(1), user(2), user(3)]
const names = new Map<Author, string>([[alice, "alice"], [bob, "bob"], [carol, "carol"], [dave, "dave"]])

const stateOf = (world: World) => at(world, t).state as Model.State
const balanceOf = (world: World, account: LedgerModel.AccountId) =>
  Ledger.balance(at(world, LedgerModel.mainLedger).state as LedgerModel.State, account)
const tokens = (world: World, who: typeof alice) => balanceOf(world, LedgerModel.userAccount(who))
const coAuthors = (world: World) => stateOf(world).co_authors.map((author) => names.get(author))
const submission = (world: World, n = 0) => stateOf(world).submissions[n]

let commands = 0
/** Sends a command; `ok`, or the code of its refusal with the rule's id. */
const send = (world: World, who: Author, command: Model.Command, as = `c${commands++}`): string => {
  const rejection = put(world, t, id(as), who, command)
  return rejection === undefined ? "ok" : `${rejection.code} ${rejection.rule}`
}

/** Carries everything between thread and ledger; the Chorus stays silent. */
const carried = (world: World) => {
  drain(world)
  return world
}

const say = (content: string, more: { readonly stake?: number; readonly source?: string } = {}): Model.Command => ({
  _tag: "submit_message",
  content,
  ...more
})
const vote = (message_id: string, decision: "approve" | "deny"): Model.Command => ({
  _tag: "process_approval",
  message_id: id(message_id),
  decision
})
const create: Model.Command = { _tag: "create_thread", name: " Bread " }
const signedOnly: Model.Command = { _tag: "create_thread", name: "Signed", require_signatures: true }
const close: Model.Command = { _tag: "close_thread" }
const ask: Model.Command = { _tag: "submit_prompt", prompt: "why?" }

const begun = (command: Model.Command = create) => {
  const world = makeWorld()
  assert.strictEqual(send(world, alice, command, "create"), "ok")
  return world
}

/** A thread of Alice with submissions by others, each up for a vote; those before the last are approved. */
const submitted = (...authors: ReadonlyArray<typeof alice>) => {
  const world = begun()
  for (const [n, author] of authors.entries()) {
    assert.strictEqual(send(world, author, say(`by ${names.get(author)}`), `s${n}`), "ok")
    carried(world)
    if (n === authors.length - 1) break
    for (const voter of stateOf(world).submissions[n]?.voters ?? []) send(world, voter, vote(`s${n}`, "approve"))
    carried(world)
  }
  return world
}

describe("Thread", () => {
  const pieces = (...contents: ReadonlyArray<string>): Model.Command => ({
    _tag: "import_messages",
    messages: contents.map((content, n) => ({ content, source: `book.md#${n}` }))
  })

  it("[THR2] a co-author imports many pieces as one command, in order, each under an id of its own", () => {
    const world = begun()
    assert.strictEqual(send(world, alice, pieces("one", "two"), "import"), "ok")
    assert.deepStrictEqual(
      stateOf(world).messages.map(({ content, id, source }) => [id as string, content, source]),
      [["import.0", "one", "book.md#0"], ["import.1", "two", "book.md#1"]]
    )
    assert.strictEqual(stateOf(world).version, 3)
  })

  it("[AUT5] a thread may demand that every command is signed, from its first on", () => {
    const decide = (state: Model.State, input: Model.Command, signed: boolean, author: Author = alice) =>
      Thread.thread.decide(state, input, { id: id(`c${commands++}`), author, now: 1, seed: 0, signed })
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

  it("[THR2] an import is whole or nothing, and for co-authors only", () => {
    const world = begun()
    assert.strictEqual(send(world, alice, pieces("one", " "), "import"), "malformed THR2")
    assert.strictEqual(send(world, bob, pieces("one"), "import"), "forbidden THR2")
    assert.strictEqual(
      send(world, alice, { _tag: "import_messages", messages: [{ content: "x", source: "\ud800" }] }),
      "malformed THR2"
    )
    assert.deepStrictEqual(stateOf(world).messages, [])
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

  it("[THR2] a co-author is published at once", () => {
    const world = begun()
    assert.strictEqual(send(world, alice, say("hello", { source: "notes.md" }), "m"), "ok")
    assert.deepStrictEqual(stateOf(world).messages, [
      { id: id("m"), author: alice, content: "hello", at: world.now, origin: "message", source: "notes.md" }
    ])
  })

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

  it("[THR2] content is text of at most 32 KB", () => {
    const world = begun()
    const refused = [" \n\t", "\ud800", "x".repeat(maxContentBytes + 1), "€".repeat(10_923), "😀".repeat(8_193)]
    for (const content of refused) {
      assert.strictEqual(send(world, alice, say(content)), "malformed THR2")
      assert.strictEqual(send(world, alice, { _tag: "submit_prompt", prompt: content }), "malformed THR2")
    }
    for (const content of ["x".repeat(maxContentBytes), "€".repeat(10_922), "😀".repeat(8_192)]) {
      assert.strictEqual(send(world, alice, say(content)), "ok")
    }
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
    assert.deepStrictEqual(stateOf(world).messages.map(({ author, origin }) => [names.get(author), origin]), [
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

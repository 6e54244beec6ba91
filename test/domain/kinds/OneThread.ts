/** A thread beside the ledger, four people, and what they say in it: for the tests of a thread's rules. */
import { assert } from "@effect/vitest"
import type { Author, UserId } from "../../../src/domain/Ids.ts"
import * as Ledger from "../../../src/domain/kinds/Ledger.ts"
import * as LedgerModel from "../../../src/domain/kinds/LedgerModel.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { at, drain, id, makeWorld, put, topic, user, type World } from "../../support/scripts.ts"

export const t = topic("thread:t")
export const alice = user(0)
export const bob = user(1)
export const carol = user(2)
export const dave = user(3)

export const stateOf = (world: World) => at(world, t).state as Model.State
export const balanceOf = (world: World, account: LedgerModel.AccountId) =>
  Ledger.balance(at(world, LedgerModel.mainLedger).state as LedgerModel.State, account)
export const tokens = (world: World, who: UserId) => balanceOf(world, LedgerModel.userAccount(who))
export const submission = (world: World, n = 0) => stateOf(world).submissions[n]

const names = new Map<Author, string>([[alice, "alice"], [bob, "bob"], [carol, "carol"], [dave, "dave"]])
export const nameOf = (author: Author) => names.get(author)
export const coAuthors = (world: World) => stateOf(world).co_authors.map(nameOf)

let commands = 0
/** Sends a command; `ok`, or the code of its refusal with the rule's id. */
export const send = (world: World, who: Author, command: Model.Command, as = `c${commands++}`): string => {
  const rejection = put(world, t, id(as), who, command)
  return rejection === undefined ? "ok" : `${rejection.code} ${rejection.rule}`
}

/** Carries everything between thread and ledger; the Chorus stays silent. */
export const carried = (world: World) => {
  drain(world)
  return world
}

export const say = (
  content: string,
  more: { readonly stake?: number; readonly source?: string } = {}
): Model.Command => ({ _tag: "submit_message", content, ...more })
export const vote = (message_id: string, decision: Model.Choice): Model.Command => ({
  _tag: "process_approval",
  message_id: id(message_id),
  decision
})
/** Many pieces as one command. */
export const pieces = (...contents: ReadonlyArray<string>): Model.Command => ({
  _tag: "import_messages",
  messages: contents.map((content, n) => ({ content, source: `book.md#${n}` }))
})
export const create = { _tag: "create_thread", name: " Bread " } as const satisfies Model.Command
export const close: Model.Command = { _tag: "close_thread" }
export const ask: Model.Command = { _tag: "submit_prompt", prompt: "why?" }

/** A thread of Alice. */
export const begun = (command: Model.Command = create) => {
  const world = makeWorld()
  assert.strictEqual(send(world, alice, command, "create"), "ok")
  return world
}

/** A thread of Alice with submissions by others, each up for a vote; those before the last are approved. */
export const submitted = (...authors: ReadonlyArray<UserId>) => {
  const world = begun()
  for (const [n, author] of authors.entries()) {
    assert.strictEqual(send(world, author, say(`by ${nameOf(author)}`), `s${n}`), "ok")
    carried(world)
    if (n === authors.length - 1) break
    for (const voter of stateOf(world).submissions[n]?.voters ?? []) send(world, voter, vote(`s${n}`, "approve"))
    carried(world)
  }
  return world
}

import { assert, describe, it } from "@effect/vitest"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import type { Message, State, Submission } from "../../../src/domain/kinds/ThreadModel.ts"
import { between, faultOf } from "../../../src/domain/kinds/ThreadTransition.ts"
import { at, id, makeWorld, put, topic, user } from "../../support/scripts.ts"

const t = topic("thread:t")
const world = makeWorld()
const absent = at(world, t).state as State
put(world, t, id("create"), user(0), { _tag: "create_thread", name: "T" })
put(world, t, id("hello"), user(0), { _tag: "submit_message", content: "hello" })
const old = at(world, t).state as State

const submission: Submission = {
  id: id("s"),
  author: user(1),
  content: "hi",
  stake: 1_000,
  voters: [user(0)],
  votes: [],
  submitted_at: 0,
  expires_at: 1,
  status: "pending"
}
const over: Submission = { ...submission, status: "rejected" }
const run = ChorusRun.start({ prompt_id: id("p"), thread_id: t, asker: user(0), prompt: "why?", at: 0 })
const running = { ...run, status: "running" } as const
const ended = { ...run, status: "failed", ended_at: 1 } as const
const edited = old.messages.map((message): Message => ({ ...message, content: "edited" }))

/** Whether a change is refused, from a state of one's own making. */
const breaks = (change: Partial<State>, from: Partial<State> = {}) => {
  const before = { ...old, ...from }
  return faultOf(between(before, { ...before, version: before.version + 1, ...change }))?.rule === "THR8"
}

describe("Transitions of a thread", () => {
  it("[THR8] ordinary ones pass", () => {
    assert.isUndefined(faultOf(between(absent, old)))
    assert.isFalse(breaks({ status: "closed" }))
    assert.isFalse(breaks({ submissions: [over] }, { submissions: [submission] }))
    assert.isFalse(breaks({ runs: [running] }, { runs: [run] }))
  })

  it.each<[string, Partial<State>, Partial<State>]>([
    ["no co-author", { co_authors: [] }, {}],
    ["a co-author twice", { co_authors: [user(0), user(0)] }, {}],
    ["a debt", { token_balance: -1 }, {}],
    ["the same version", { version: old.version }, {}],
    ["an end", { status: "absent" }, {}],
    ["a second life", { status: "active" }, { status: "closed" }],
    ["another text", { messages: edited }, {}],
    ["a message gone", { messages: [] }, {}],
    ["a vote undone", { submissions: [submission] }, { submissions: [over] }],
    ["another stake", { submissions: [{ ...submission, stake: 2_000 }] }, { submissions: [submission] }],
    ["a submission gone", { submissions: [] }, { submissions: [submission] }],
    ["two runs at once", { runs: [running, { ...running, prompt_id: id("q") }] }, {}],
    ["a run resurrected", { runs: [running] }, { runs: [ended] }],
    ["a run gone", { runs: [] }, { runs: [run] }]
  ])("[THR8] %s is refused", (_what, change, from) => {
    assert.isTrue(breaks(change, from))
  })
})

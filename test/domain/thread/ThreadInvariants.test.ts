import { assert, describe, it } from "@effect/vitest"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import { makeTransition, validateTransition } from "../../../src/domain/thread/ThreadInvariants.ts"
import type { Message, State, Submission } from "../../../src/domain/thread/ThreadModel.ts"
import { applyCommand, commandId, getTopic, makeTopicWorld, topicId, userId } from "../../support/TopicWorld.ts"

const t = topicId("thread:t")
const world = makeTopicWorld()
const absent = getTopic(world, t).state as State
applyCommand(world, t, commandId("create"), userId(0), { _tag: "create_thread", name: "T" })
applyCommand(world, t, commandId("hello"), userId(0), { _tag: "submit_message", content: "hello" })
const old = getTopic(world, t).state as State

const submission: Submission = {
  id: commandId("s"),
  author: userId(1),
  content: "hi",
  stake: 1_000,
  voters: [userId(0)],
  votes: [],
  submitted_at: 0,
  expires_at: 1,
  status: "pending"
}
const rejectedSubmission: Submission = { ...submission, status: "rejected" }
const run = ChorusRun.createRun({ prompt_id: commandId("p"), thread_id: t, asker: userId(0), prompt: "why?", at: 0 })
const runningRun = { ...run, status: "running" } as const
const failedRun = { ...run, status: "failed", ended_at: 1 } as const
const edited = old.messages.map((message): Message => ({ ...message, content: "edited" }))

/** Whether a change is refused, from a state of one's own making. */
const violatesInvariants = (change: Partial<State>, from: Partial<State> = {}) => {
  const previous = { ...old, ...from }
  return validateTransition(makeTransition(previous, { ...previous, version: previous.version + 1, ...change }))
    ?.rule === "THR8"
}

describe("Transitions of a thread", () => {
  it("[THR8] ordinary ones pass", () => {
    assert.isUndefined(validateTransition(makeTransition(absent, old)))
    assert.isFalse(violatesInvariants({ status: "closed" }))
    assert.isFalse(violatesInvariants({ submissions: [rejectedSubmission] }, { submissions: [submission] }))
    assert.isFalse(violatesInvariants({ runs: [runningRun] }, { runs: [run] }))
  })

  it.each<[string, Partial<State>, Partial<State>]>([
    ["no co-author", { co_authors: [] }, {}],
    ["a co-author twice", { co_authors: [userId(0), userId(0)] }, {}],
    ["a debt", { token_balance: -1 }, {}],
    ["the same version", { version: old.version }, {}],
    ["an end", { status: "absent" }, {}],
    ["a second life", { status: "active" }, { status: "closed" }],
    ["another text", { messages: edited }, {}],
    ["a message gone", { messages: [] }, {}],
    ["a vote undone", { submissions: [submission] }, { submissions: [rejectedSubmission] }],
    ["another stake", { submissions: [{ ...submission, stake: 2_000 }] }, { submissions: [submission] }],
    ["a submission gone", { submissions: [] }, { submissions: [submission] }],
    ["two runs at once", { runs: [runningRun, { ...runningRun, prompt_id: commandId("q") }] }, {}],
    ["a run resurrected", { runs: [runningRun] }, { runs: [failedRun] }],
    ["a run gone", { runs: [] }, { runs: [run] }]
  ])("[THR8] %s is refused", (_what, change, from) => {
    assert.isTrue(violatesInvariants(change, from))
  })
})

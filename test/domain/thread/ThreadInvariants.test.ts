import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { makeTransition, validateTransition } from "../../../src/domain/thread/ThreadInvariants.ts"
import type { Message, State, Submission } from "../../../src/domain/thread/ThreadModel.ts"
import { step } from "../../../src/domain/topic/Topic.ts"
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
const votedSubmission: Submission = { ...submission, votes: [{ voter: userId(0), choice: "approve", at: 1 }] }
const rejectedSubmission: Submission = { ...submission, status: "rejected" }
const run = ChorusRun.createRun({ prompt_id: commandId("p"), thread_id: t, asker: userId(0), prompt: "why?", at: 0 })
const runningRun = { ...run, status: "running" } as const
const cancelledRun = { ...run, status: "cancelled", ended_at: 1 } as const
const failedRun = { ...run, status: "failed", ended_at: 1 } as const
const edited = old.messages.map((message): Message => ({ ...message, content: "edited" }))

/** The rejection of a change to an arbitrary state. */
const rejectionOf = (change: Partial<State>, from: Partial<State> = {}) => {
  const previous = { ...old, ...from }
  return validateTransition(makeTransition(previous, { ...previous, version: previous.version + 1, ...change }))
}

describe("ThreadInvariants", () => {
  it("[THR8] valid transitions pass", () => {
    assert.isUndefined(validateTransition(makeTransition(absent, old)))
    assert.isUndefined(rejectionOf({ status: "closed" }))
    assert.isUndefined(rejectionOf({ submissions: [rejectedSubmission] }, { submissions: [submission] }))
    assert.isUndefined(rejectionOf({ runs: [runningRun] }, { runs: [run] }))
    assert.isUndefined(rejectionOf({ runs: [{ ...cancelledRun, partial: "so far" }] }, { runs: [cancelledRun] }))
  })

  it.each<[string, Partial<State>, Partial<State>]>([
    ["no co-author", { co_authors: [] }, {}],
    ["duplicate co-author", { co_authors: [userId(0), userId(0)] }, {}],
    ["negative token balance", { token_balance: -1 }, {}],
    ["token balance out of range", { token_balance: 2 ** 53 }, {}],
    ["version does not grow", { version: old.version }, {}],
    ["the thread does not exist", { status: "absent" }, {}],
    ["closed thread reopened", { status: "active" }, { status: "closed" }],
    ["published message changed", { messages: edited }, {}],
    ["published message changed", { messages: [] }, {}],
    ["settled submission or its votes changed", { submissions: [submission] }, { submissions: [rejectedSubmission] }],
    [
      "settled submission or its votes changed",
      { submissions: [{ ...submission, stake: 2_000 }] },
      { submissions: [submission] }
    ],
    ...[
      { id: commandId("other") },
      { author: userId(2) },
      { content: "hello" },
      { votes: [] }
    ].map((change): [string, Partial<State>, Partial<State>] => [
      "settled submission or its votes changed",
      { submissions: [{ ...votedSubmission, ...change }] },
      { submissions: [votedSubmission] }
    ]),
    ["settled submission or its votes changed", { submissions: [] }, { submissions: [submission] }],
    ["more than one active run", { runs: [runningRun, { ...runningRun, prompt_id: commandId("q") }] }, {}],
    ["finished run changed", { runs: [runningRun] }, { runs: [failedRun] }],
    ["finished run changed", { runs: [] }, { runs: [run] }],
    ["finished run changed", { runs: [{ ...run, prompt_id: commandId("q") }] }, { runs: [run] }],
    ["finished run changed", { runs: [{ ...cancelledRun, partial: "more" }] }, {
      runs: [{ ...cancelledRun, partial: "so far" }]
    }],
    ["finished run changed", { runs: [{ ...cancelledRun, ended_at: 2 }] }, { runs: [cancelledRun] }]
  ])("[THR8] %s", (violation, change, from) => {
    const rejection = rejectionOf(change, from)
    assert.deepInclude(rejection, { code: "rule_violated", rule: "THR8" })
    assert.isTrue(rejection?.message.endsWith(`: ${violation}`), rejection?.message)
  })

  it("[THR8] the rejection lists every violation", () => {
    assert.match(
      rejectionOf({ co_authors: [], token_balance: -1, version: 0 })?.message ?? "",
      /: no co-author; negative token balance; version does not grow$/
    )
  })

  it("[THR8] a decision that would break an invariant is rejected, and stores nothing", () => {
    // As if a defect had left a thread with a duplicate co-author.
    const broken: State = { ...old, co_authors: [userId(0), userId(0)] }
    const decide = (state: State) =>
      step(threadKind, state, { _tag: "submit_message", content: "more" }, {
        id: commandId("more"),
        author: userId(0),
        now: 1,
        seed: 0
      })
    assert.isTrue(Result.isSuccess(decide(old)))
    const decision = decide(broken)
    assert.isTrue(Result.isFailure(decision) && decision.failure.rule === "THR8")
    assert.lengthOf(broken.messages, 1)
  })
})

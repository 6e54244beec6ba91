/** Threads and the ledger together under random workloads: invariants after every event, and at quiescence. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, HashMap, Schema } from "effect"
import type { ChorusState, Prior, RunStep, StepOutput } from "../../src/domain/chorus/ChorusModel.ts"
import * as ChorusProgress from "../../src/domain/chorus/ChorusProgress.ts"
import * as ChorusRun from "../../src/domain/chorus/ChorusRun.ts"
import * as Ledger from "../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../src/domain/ledger/LedgerModel.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import type { Intent } from "../../src/domain/topic/Topic.ts"
import {
  advanceTime,
  applyCommand,
  commandId,
  deliverAll,
  deliverOne,
  dropReplies,
  getTopic,
  makeTopicWorld,
  pendingIntents,
  replayState,
  topicId,
  type TopicInstance,
  userId
} from "../support/TopicWorld.ts"
import type { TopicWorld } from "../support/TopicWorld.ts"

const intUpTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** One step of a workload; the numbers select among the objects that exist at that moment. */
const WorkloadStep = Schema.TaggedUnion({
  SubmitMessage: { author: intUpTo(3), thread: intUpTo(1), content: intUpTo(3), stake: intUpTo(2), retry: intUpTo(5) },
  CastVote: {
    author: intUpTo(3),
    thread: intUpTo(1),
    target: intUpTo(5),
    choice: Schema.Literals(["approve", "deny"])
  },
  Cancel: { author: intUpTo(3), thread: intUpTo(1), target: intUpTo(5), run: Schema.Boolean },
  SubmitPrompt: { author: intUpTo(3), thread: intUpTo(1) },
  Invite: { author: intUpTo(3), thread: intUpTo(1), guest: intUpTo(3) },
  Leave: { author: intUpTo(3), thread: intUpTo(1), meant: intUpTo(3) },
  /** Performed in one of 16 cases only: a closed thread ends most of the workload. */
  Close: { author: intUpTo(3), thread: intUpTo(1), meant: intUpTo(15) },
  /** Answers up to `times` + 1 steps. */
  AnswerSteps: { thread: intUpTo(1), bits: intUpTo(1023), fault: intUpTo(8), times: intUpTo(5) },
  DeliverIntents: { pick: intUpTo(20), times: intUpTo(4) },
  Crash: {},
  AdvanceTime: { hours: intUpTo(60) }
})
type WorkloadStep = typeof WorkloadStep.Type

const workloads = Arbitrary.array(Arbitrary.schema(WorkloadStep), { minLength: 30, maxLength: 120 })

/** Workloads long enough for votes to end and runs to loop. */
const longRuns = { arbitrary: { runs: 400, size: 120 } }

const threads = [topicId("thread:a"), topicId("thread:b")] as const
const threadAt = (n: number) => threads[n % 2] ?? threads[0]
const contents = ["one", "two words", "three little words", "  "]
const stakes = [1_000, 1_001, 9_999]

const stateOf = (world: TopicWorld, n: number) => getTopic(world, threadAt(n)).state as ThreadModel.State
const ledgerOf = (world: TopicWorld) => getTopic(world, LedgerModel.mainLedger).state as LedgerModel.State

/** Priors that the model may use; its outputs also name one that does not exist. */
const priors: ReadonlyArray<Prior> = [0, 1, 2, 3].map((n) => ({
  id: `p${n}`,
  content: `what ${n} wrote`,
  author: userId(n),
  thread: threads[0],
  similarity: 0.5,
  created_at: 0
}))

const output = (step: ChorusState["current_step"], bits: number): StepOutput => {
  const some = priors.filter((_, n) => (bits >> n) % 2 === 1)
  switch (step) {
    case "action":
      return { _tag: step, proposed_response: "so", confidence: 0.5, reasoning: "" }
    case "experience":
      return { _tag: step, synthesis: "s", key_insights: [`insight ${bits % 7}`], priors: some }
    case "intention":
      return { _tag: step, explicit: "e", implicit: "i", selected_priors: ["p0", "ghost", "p0"], reason: "" }
    case "observation":
      return { _tag: step, context_analysis: "c", patterns: [], semantic_links: [{ prior: "ghost", relation: "r" }] }
    case "update":
      return { _tag: step, reason: "r", loop: bits % 4 !== 0, confidence: bits % 5 === 0 ? 0.9 : 0.1 }
    case "yield": {
      const cited = ["p0", "p1", "ghost", "p1", "p2", "p3"].map((prior) => ({
        prior,
        quote: bits % 2 === 0 ? "wrote" : "never"
      }))
      return { _tag: step, final_response: "f", citations: cited, confidence: 0.7 }
    }
  }
}

const usage = { provider: "test", model: "test", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

const isRunStep = (intent: Intent): intent is RunStep => intent._tag === "RunStep"

const answerStep = (world: TopicWorld, live: TopicInstance, intent: Intent, bits: number, fault: number) => {
  if (!isRunStep(intent)) return
  const { prompt_id } = intent.run
  const input = fault > 1
    ? { _tag: "StepAnswered", intent: intent.id, prompt_id, output: output(intent.run.current_step, bits), usage }
    : {
      _tag: "StepErrored",
      intent: intent.id,
      prompt_id,
      error: { _tag: bits % 2 === 0 ? "AIError" : "NetworkError", message: "no", retryable: fault === 1 }
    }
  applyCommand(world, live.topic, commandId(`${intent.id}/answer`), "system:chorus", input)
}

const performStep = (world: TopicWorld, step: WorkloadStep, n: number) => {
  switch (step._tag) {
    case "SubmitMessage": {
      const command = commandId(step.retry === 0 ? `t${Math.floor(n / 2)}` : `t${n}`)
      const input = { _tag: "submit_message", content: contents[step.content], stake: stakes[step.stake] }
      applyCommand(world, threadAt(step.thread), command, userId(step.author), input)
      break
    }
    case "CastVote": {
      const { gates, submissions } = stateOf(world, step.thread)
      const ballots = [...submissions, ...gates]
      const message_id = ballots[step.target % ballots.length]?.id ?? "none"
      applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), {
        _tag: "process_approval",
        message_id,
        decision: step.choice
      })
      break
    }
    case "Cancel": {
      const { runs, submissions } = stateOf(world, step.thread)
      const input = step.run
        ? { _tag: "cancel_run", prompt_id: runs[step.target % runs.length]?.prompt_id ?? "none" }
        : { _tag: "cancel_submission", message_id: submissions[step.target % submissions.length]?.id ?? "none" }
      applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), input)
      break
    }
    case "SubmitPrompt":
      applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), {
        _tag: "submit_prompt",
        prompt: "why?"
      })
      break
    case "Invite": {
      const input = { _tag: "invite_co_author", user: userId(step.guest) }
      applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), input)
      break
    }
    case "Leave":
      if (step.meant === 0) {
        applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), { _tag: "divest" })
      }
      break
    case "Close":
      if (step.meant === 0) {
        applyCommand(world, threadAt(step.thread), commandId(`t${n}`), userId(step.author), { _tag: "close_thread" })
      }
      break
    case "AnswerSteps": {
      const live = getTopic(world, threadAt(step.thread))
      for (let time = 0; time <= step.times; time++) {
        for (const intent of pendingIntents(live)) answerStep(world, live, intent, step.bits, step.fault)
      }
      break
    }
    case "DeliverIntents":
      for (let time = 0; time <= step.times; time++) deliverOne(world, step.pick + time)
      break
    case "Crash":
      dropReplies(world)
      break
    case "AdvanceTime":
      advanceTime(world, step.hours * 3_600_000)
      break
  }
}

const runWorkload = (
  steps: ReadonlyArray<WorkloadStep>,
  check: (world: TopicWorld, live: TopicInstance) => void = () => {}
) => {
  const world: TopicWorld = makeTopicWorld((live) => check(world, live))
  applyCommand(world, threads[0], commandId("new-a"), userId(0), { _tag: "create_thread", name: "A" })
  applyCommand(world, threads[1], commandId("new-b"), userId(1), { _tag: "create_thread", name: "B" })
  for (const [n, step] of steps.entries()) performStep(world, step, n)
  return world
}

/** Delivers until no intent is pending. */
const quiesce = (world: TopicWorld) => {
  deliverAll(world, (live, intent) => answerStep(world, live, intent, 5, 5))
  return world
}

const isThread = (live: TopicInstance): live is TopicInstance & { state: ThreadModel.State } =>
  live.kind.name === "thread"

describe("Threads and the ledger after every event", () => {
  it.prop("[LED1][LED2] after every event the balances add up to the supply, and none is negative", {
    scripts: workloads
  }, ({ scripts }) => {
    runWorkload(scripts, (world) => {
      const state = ledgerOf(world)
      assert.strictEqual(Ledger.totalBalance(state), Ledger.policy.totalSupply)
      assert.isTrue(HashMap.every(state.accounts, (amount) => amount >= 0))
    })
  }, longRuns)

  it.prop(
    "[THR1][THR3] after every event a thread has co-authors, a version per event, and one vote per voter",
    { scripts: workloads },
    ({ scripts }) => {
      runWorkload(scripts, (_world, live) => {
        if (!isThread(live)) return
        const { co_authors, submissions, version } = live.state
        assert.strictEqual(version, live.events.length)
        assert.isAtLeast(co_authors.length, 1)
        assert.strictEqual(new Set(co_authors).size, co_authors.length)
        for (const { author, voters, votes } of submissions) {
          assert.strictEqual(new Set(votes.map((vote) => vote.voter)).size, votes.length)
          assert.isTrue(votes.every(({ voter }) => voter !== author && voters.includes(voter)))
        }
      })
    },
    longRuns
  )
})

describe("Threads and the ledger at quiescence", () => {
  it.prop(
    "[THR6] at quiescence threads and ledger agree on every stake and balance",
    { scripts: workloads },
    ({ scripts }) => {
      const world = quiesce(runWorkload(scripts))
      const ledger = ledgerOf(world)
      assert.deepStrictEqual(ledger.offers, [])
      const stakes = new Map<string, number>()
      for (const live of world.topics.values()) {
        if (!isThread(live)) continue
        assert.deepStrictEqual(live.state.owed, [])
        assert.strictEqual(Ledger.balanceOf(ledger, LedgerModel.threadAccount(live.topic)), live.state.token_balance)
        for (const submission of live.state.submissions) {
          if (submission.status === "pending") stakes.set(LedgerModel.stakeAccount(submission.id), submission.stake)
        }
      }
      const reserved = HashMap.toEntries(ledger.accounts).filter(([account]) => account.startsWith("stake:"))
      assert.deepStrictEqual(new Map<string, number>(reserved), stakes)
    },
    longRuns
  )

  it.prop(
    "[LED4] crashes between a thread's decision and the ledger's answer lead to the same balances as none",
    { scripts: workloads, picks: Arbitrary.array(Arbitrary.schema(intUpTo(20)), { minLength: 1, maxLength: 20 }) },
    ({ picks, scripts }) => {
      const world = quiesce(runWorkload(scripts))
      const crashed = runWorkload(scripts)
      for (const pick of picks) {
        // The other topic has decided and stored its events; its answer is lost, and the intent is performed again.
        deliverOne(crashed, pick)
        dropReplies(crashed)
      }
      quiesce(crashed)
      assert.isTrue(Equal.equals(ledgerOf(crashed).accounts, ledgerOf(world).accounts))
      for (const n of [0, 1]) {
        assert.strictEqual(stateOf(crashed, n).token_balance, stateOf(world, n).token_balance)
        assert.deepStrictEqual(stateOf(crashed, n).co_authors, stateOf(world, n).co_authors)
      }
    },
    longRuns
  )

  it.prop(
    "[TOP2] every state is the fold of its stored log, and equals its snapshot",
    { scripts: workloads },
    ({ scripts }) => {
      for (const live of runWorkload(scripts).topics.values()) {
        assert.isTrue(Equal.equals(replayState(live), live.state))
        const codec = Schema.toCodecJson(live.kind.State)
        const stored = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(live.state)))
        assert.isTrue(Equal.equals(Schema.decodeUnknownSync(codec)(stored), live.state))
        for (const event of live.events) {
          const written = JSON.parse(JSON.stringify(Schema.encodeUnknownSync(live.kind.Event)(event)))
          assert.deepStrictEqual(Schema.decodeUnknownSync(live.kind.Event)(written), event)
        }
      }
    }
  )
})

describe("Intents and runs", () => {
  it.prop(
    "[TOP6] intents have unique ids, and an answered one is never pending again",
    { scripts: workloads },
    ({ scripts }) => {
      const seen = new Map<TopicInstance, { readonly outstanding: Set<string>; readonly completed: Set<string> }>()
      runWorkload(scripts, (_world, live) => {
        const ids = pendingIntents(live).map((intent) => intent.id)
        assert.strictEqual(new Set(ids).size, ids.length)
        const { completed: completedBefore, outstanding: outstandingBefore } = seen.get(live) ??
          { completed: new Set(), outstanding: new Set() }
        const outstanding = new Set<string>(ids)
        const completed = new Set([
          ...completedBefore,
          ...[...outstandingBefore].filter((key) => !outstanding.has(key))
        ])
        assert.isTrue(ids.every((key) => !completed.has(key)))
        seen.set(live, { outstanding, completed })
      })
    },
    longRuns
  )

  it.prop(
    "[CHO3][CHO9][CHO10] one run is active at a time; each ends, and cites only its own priors",
    { scripts: workloads },
    ({ scripts }) => {
      const check = (_world: TopicWorld, live: TopicInstance) => {
        if (!isThread(live)) return
        assert.isAtMost(live.state.runs.filter((run) => run.status === "running").length, 1)
      }
      for (const live of quiesce(runWorkload(scripts, check)).topics.values()) {
        if (!isThread(live)) continue
        for (const run of live.state.runs) {
          assert.isTrue(ChorusRun.isFinished(run))
          assert.isAtMost(run.loop, ChorusRun.runPolicy.maxLoops)
          const found = new Set(ChorusProgress.collectPriors(run).map((prior) => prior.id))
          for (const { output } of run.steps) {
            if (output._tag !== "yield") continue
            assert.isTrue(output.citations.every(({ prior }) => found.has(prior)))
            assert.strictEqual(new Set(output.citations.map(({ prior }) => prior)).size, output.citations.length)
            assert.isTrue(output.citations.every(({ quote }) => quote === "" || quote === "wrote"))
          }
        }
      }
    }
  )
})

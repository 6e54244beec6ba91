/**
 * Random workloads over two threads and the ledger: commands of four users, steps of the Chorus, and deliveries between
 * the topics in any order, with crashes. Does not own what must hold after them.
 */
import { Arbitrary, Schema } from "effect"
import type { ChorusState, RunStep, StepOutput } from "../../src/domain/chorus/ChorusModel.ts"
import * as LedgerModel from "../../src/domain/ledger/LedgerModel.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import type { Intent } from "../../src/domain/topic/Topic.ts"
import { makePrior, usage } from "./RunFixture.ts"
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
  topicId,
  type TopicInstance,
  type TopicWorld,
  userId
} from "./TopicWorld.ts"

/** A whole number from 0 to `maximum`. */
export const numberUpTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** One step of a workload; the numbers select among the objects that exist at that moment. */
const WorkloadStep = Schema.TaggedUnion({
  SubmitMessage: {
    author: numberUpTo(3),
    thread: numberUpTo(1),
    content: numberUpTo(3),
    stake: numberUpTo(2),
    retry: numberUpTo(5)
  },
  CastVote: {
    author: numberUpTo(3),
    thread: numberUpTo(1),
    target: numberUpTo(5),
    choice: Schema.Literals(["approve", "deny"])
  },
  Cancel: { author: numberUpTo(3), thread: numberUpTo(1), target: numberUpTo(5), run: Schema.Boolean },
  SubmitPrompt: { author: numberUpTo(3), thread: numberUpTo(1) },
  Invite: { author: numberUpTo(3), thread: numberUpTo(1), guest: numberUpTo(3) },
  Leave: { author: numberUpTo(3), thread: numberUpTo(1), meant: numberUpTo(3) },
  /** Performed in one of 16 cases only: a closed thread ends most of the workload. */
  Close: { author: numberUpTo(3), thread: numberUpTo(1), meant: numberUpTo(15) },
  /** Answers up to `times` + 1 steps. */
  AnswerSteps: { thread: numberUpTo(1), bits: numberUpTo(1023), fault: numberUpTo(8), times: numberUpTo(5) },
  DeliverIntents: { pick: numberUpTo(20), times: numberUpTo(4) },
  Crash: {},
  AdvanceTime: { hours: numberUpTo(60) }
})
type WorkloadStep = typeof WorkloadStep.Type
/** The steps that send a command to a thread. */
type CommandStep = Extract<WorkloadStep, { readonly author: number }>

/** Random workloads. */
export const workloads = Arbitrary.array(Arbitrary.schema(WorkloadStep), { minLength: 30, maxLength: 120 })

/** Workloads long enough for votes to end and runs to loop. */
export const workloadRuns = { arbitrary: { runs: 400, size: 120 } }

const threads = [topicId("thread:a"), topicId("thread:b")] as const
const threadAt = (n: number) => threads[n % 2] ?? threads[0]
const contents = ["one", "two words", "three little words", "  "]
const stakes = [1_000, 1_001, 9_999]

/** The state of the n-th thread. */
export const stateOf = (world: TopicWorld, n: number) => getTopic(world, threadAt(n)).state as ThreadModel.State
/** The state of the ledger. */
export const ledgerOf = (world: TopicWorld) => getTopic(world, LedgerModel.mainLedger).state as LedgerModel.State

/** Priors that the model may use; its outputs also name one that does not exist. */
const priors = [0, 1, 2, 3].map((n) => makePrior(`p${n}`, `what ${n} wrote`, userId(n)))

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

/** The command of a step; undefined if the step is passed over. */
const inputOf = (world: TopicWorld, step: CommandStep): object | undefined => {
  const { gates, runs, submissions } = stateOf(world, step.thread)
  switch (step._tag) {
    case "SubmitMessage":
      return { _tag: "submit_message", content: contents[step.content], stake: stakes[step.stake] }
    case "CastVote": {
      const ballots = [...submissions, ...gates]
      const message_id = ballots[step.target % ballots.length]?.id ?? "none"
      return { _tag: "process_approval", message_id, decision: step.choice }
    }
    case "Cancel":
      return step.run
        ? { _tag: "cancel_run", prompt_id: runs[step.target % runs.length]?.prompt_id ?? "none" }
        : { _tag: "cancel_submission", message_id: submissions[step.target % submissions.length]?.id ?? "none" }
    case "SubmitPrompt":
      return { _tag: "submit_prompt", prompt: "why?" }
    case "Invite":
      return { _tag: "invite_co_author", user: userId(step.guest) }
    case "Leave":
      return step.meant === 0 ? { _tag: "divest" } : undefined
    case "Close":
      return step.meant === 0 ? { _tag: "close_thread" } : undefined
  }
}

const performStep = (world: TopicWorld, step: WorkloadStep, n: number): void => {
  switch (step._tag) {
    case "AnswerSteps": {
      const live = getTopic(world, threadAt(step.thread))
      for (let time = 0; time <= step.times; time++) {
        for (const intent of pendingIntents(live)) answerStep(world, live, intent, step.bits, step.fault)
      }
      return
    }
    case "DeliverIntents":
      for (let time = 0; time <= step.times; time++) deliverOne(world, step.pick + time)
      return
    case "Crash":
      return dropReplies(world)
    case "AdvanceTime":
      return advanceTime(world, step.hours * 3_600_000)
    default: {
      const input = inputOf(world, step)
      const isRetry = step._tag === "SubmitMessage" && step.retry === 0
      const command = commandId(isRetry ? `t${Math.floor(n / 2)}` : `t${n}`)
      if (input !== undefined) applyCommand(world, threadAt(step.thread), command, userId(step.author), input)
    }
  }
}

/** The world after a workload; `check` is called after every event. */
export const runWorkload = (
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
export const settleWorld = (world: TopicWorld) => {
  deliverAll(world, (live, intent) => answerStep(world, live, intent, 5, 5))
  return world
}

/** Whether a topic is a thread. */
export const isThread = (live: TopicInstance): live is TopicInstance & { state: ThreadModel.State } =>
  live.kind.name === "thread"

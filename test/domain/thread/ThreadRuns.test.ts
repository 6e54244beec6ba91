import { assert, describe, it } from "@effect/vitest"
import type { ChorusState, RunStep, StepOutput } from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { makePrior, usage } from "../../support/RunFixture.ts"
import {
  applyCommand,
  commandId,
  deliverAll,
  getTopic,
  makeTopicWorld,
  pendingIntents,
  type TopicInstance,
  type TopicWorld
} from "../../support/TopicWorld.ts"
import { alice, bob, carol, sendCommand, stateOf, threadId, userBalance } from "./ThreadFixture.ts"

const prior = (name: string, author: Author) => makePrior(name, name, author)
const priors = [prior("p-alice", alice), prior("p-bob", bob), prior("p-bob-2", bob), prior("p-carol", carol)]

const outputs: { readonly [S in ChorusState["current_step"]]: StepOutput } = {
  action: { _tag: "action", proposed_response: "a", confidence: 0.5, reasoning: "" },
  experience: { _tag: "experience", synthesis: "e", key_insights: [], priors },
  intention: { _tag: "intention", explicit: "i", implicit: "", selected_priors: [], reason: "" },
  observation: { _tag: "observation", context_analysis: "o", patterns: [], semantic_links: [] },
  update: { _tag: "update", reason: "u", loop: false, confidence: 0.9 },
  yield: {
    _tag: "yield",
    final_response: "because",
    citations: priors.map(({ id }) => ({ prior: id, quote: null })),
    confidence: 0.9
  }
}

const runsOf = (world: TopicWorld) => plain(stateOf(world)).runs
const statuses = (world: TopicWorld) => stateOf(world).runs.map((run) => run.status)

const runningStep = (world: TopicWorld): RunStep | undefined =>
  pendingIntents(getTopic(world, threadId)).find((intent): intent is RunStep => intent._tag === "RunStep")

/** Answers the pending step. */
const completeStep = (world: TopicWorld, { id: intent, run }: RunStep) =>
  applyCommand(world, threadId, commandId(`${intent}/answer`), "system:chorus", {
    _tag: "StepAnswered",
    intent,
    prompt_id: run.prompt_id,
    output: outputs[run.current_step],
    usage
  })

const failStep = (world: TopicWorld, { id: intent, run }: RunStep) =>
  applyCommand(world, threadId, commandId(`${intent}/answer`), "system:chorus", {
    _tag: "StepErrored",
    intent,
    prompt_id: run.prompt_id,
    error: { _tag: "AIError", message: "no key", retryable: false }
  })

/** Answers every step of every run, and delivers the payments. */
const finishRuns = (world: TopicWorld) => {
  deliverAll(world, (_live: TopicInstance, intent) => completeStep(world, intent as RunStep))
  return world
}

const submitPrompt = (prompt = "why?"): ThreadModel.CommandInput => ({ _tag: "submit_prompt", prompt })
const cancelRun = (prompt: string): ThreadModel.CommandInput => ({ _tag: "cancel_run", prompt_id: commandId(prompt) })
/** The partial text of a cancelled step, as its performer reports it. */
const deliverPartialText = (world: TopicWorld, { id: intent, run }: RunStep, text: string) =>
  applyCommand(world, threadId, commandId(`${intent}/cut`), "system:chorus", {
    _tag: "StepInterrupted",
    intent,
    prompt_id: run.prompt_id,
    text
  })

/** The thread of Alice with more co-authors. */
const threadWorld = (...others: ReadonlyArray<typeof alice>) => {
  const world = makeTopicWorld()
  sendCommand(world, alice, { _tag: "create_thread", name: "Bread" })
  for (const [n, other] of others.entries()) {
    sendCommand(world, other, { _tag: "submit_message", content: "let me in" }, `in${n}`)
    finishRuns(world)
    for (const voter of stateOf(world).co_authors) {
      sendCommand(world, voter, { _tag: "process_approval", message_id: commandId(`in${n}`), decision: "approve" })
    }
    finishRuns(world)
  }
  return world
}

describe("The queue of runs", () => {
  it("[CHO1][CHO7] a prompt starts a run of the thread, whose first step is pending", () => {
    const world = threadWorld()
    assert.strictEqual(sendCommand(world, alice, submitPrompt(), "p"), "ok")
    assert.strictEqual(runningStep(world)?.id, "p/0/action/0")
    finishRuns(world)
    assert.deepStrictEqual(statuses(world), ["yielded"])
    assert.strictEqual(stateOf(world).runs[0]?.steps.length, 6)
  })

  it("only co-authors prompt the Chorus", () => {
    assert.strictEqual(sendCommand(threadWorld(), bob, submitPrompt()), "forbidden CHO9")
  })

  it("[CHO9] one run is active at a time; the next starts when it ends, whatever its outcome", () => {
    const world = threadWorld()
    for (const prompt of ["p0", "p1", "p2", "p3"]) sendCommand(world, alice, submitPrompt(), prompt)
    assert.deepStrictEqual(statuses(world), ["running", "queued", "queued", "queued"])
    const first = runningStep(world)
    if (first === undefined) return assert.fail("no run")
    failStep(world, first)
    assert.deepStrictEqual(statuses(world), ["failed", "running", "queued", "queued"])
    sendCommand(world, alice, cancelRun("p2"))
    sendCommand(world, alice, cancelRun("p1"))
    assert.deepStrictEqual(statuses(world), ["failed", "cancelled", "cancelled", "running"])
    finishRuns(world)
    assert.deepStrictEqual(statuses(world), ["failed", "cancelled", "cancelled", "yielded"])
  })

  const busily = (
    if_busy: "enqueue" | "reject" | "interrupt"
  ): ThreadModel.CommandInput => ({ ...submitPrompt(), if_busy } as ThreadModel.CommandInput)

  it("[CHO9] a prompt can be rejected during a run, or interrupt it", () => {
    const world = threadWorld(bob)
    assert.strictEqual(sendCommand(world, alice, busily("reject"), "p0"), "ok")
    assert.strictEqual(sendCommand(world, bob, busily("reject"), "p1"), "rule_violated CHO9")
    assert.strictEqual(sendCommand(world, bob, busily("interrupt"), "p2"), "ok")
    assert.deepStrictEqual(statuses(world), ["cancelled", "running"])
    assert.strictEqual(sendCommand(world, alice, busily("enqueue"), "p3"), "ok")
    assert.strictEqual(sendCommand(world, bob, busily("interrupt"), "p4"), "ok")
    assert.deepStrictEqual(statuses(world), ["cancelled", "cancelled", "running", "queued"])
    finishRuns(world)
    assert.deepStrictEqual(statuses(world), ["cancelled", "cancelled", "yielded", "yielded"])
    assert.strictEqual(sendCommand(world, bob, busily("interrupt"), "p5"), "ok")
    assert.strictEqual(statuses(world).at(-1), "running")
  })
})

describe("Who joins during a search", () => {
  /** Alice's thread, whose run is at Experience. */
  const searchingWorld = (visibility: "public" | "members") => {
    const world = makeTopicWorld()
    sendCommand(world, alice, { _tag: "create_thread", name: "Bread", visibility })
    sendCommand(world, alice, submitPrompt(), "p")
    completeStep(world, runningStep(world)!)
    assert.strictEqual(runningStep(world)?.id, "p/0/experience/0")
    return world
  }
  const invite: ThreadModel.CommandInput = { _tag: "invite_co_author", user: bob }

  it("[CHO13] in a members' thread it starts again for all readers, and what it found before is not recorded", () => {
    const world = searchingWorld("members")
    const search = runningStep(world)!
    assert.strictEqual(sendCommand(world, alice, invite), "ok")
    assert.strictEqual(runningStep(world)?.id, "p/0/experience/1")
    completeStep(world, search)
    assert.deepStrictEqual(stateOf(world).runs[0]?.steps.map(({ step }) => step), ["action"])
    finishRuns(world)
    assert.deepStrictEqual(statuses(world), ["yielded"])
  })

  it("[CHO13] in a public thread it continues: everyone could read what it finds", () => {
    const world = searchingWorld("public")
    assert.strictEqual(sendCommand(world, alice, invite), "ok")
    assert.strictEqual(runningStep(world)?.id, "p/0/experience/0")
  })

  it("[CHO13] other steps continue: they see what the log shows to those who join", () => {
    const world = searchingWorld("members")
    completeStep(world, runningStep(world)!)
    assert.strictEqual(sendCommand(world, alice, invite), "ok")
    assert.strictEqual(runningStep(world)?.id, "p/0/intention/0")
  })
})

describe("Siblings and limits", () => {
  it("[CHO8] a sibling run answers the same prompt without its earlier answers", () => {
    const world = threadWorld()
    const again = (sibling_of: string): ThreadModel.CommandInput => ({
      _tag: "submit_prompt",
      prompt: "why?",
      sibling_of: commandId(sibling_of)
    })
    sendCommand(world, alice, submitPrompt("what?"), "p0")
    finishRuns(world)
    sendCommand(world, alice, submitPrompt(), "p1")
    finishRuns(world)
    assert.strictEqual(sendCommand(world, alice, again("none"), "p2"), "not_found CHO8")
    for (const [prompt, of] of [["p2", "p1"], ["p3", "p2"]] as const) {
      assert.strictEqual(sendCommand(world, alice, again(of), prompt), "ok")
      const run = runsOf(world).at(-1)
      assert.strictEqual(run?.sibling_of, "p1")
      assert.deepStrictEqual(run?.messages.filter(({ author }) => author === alice).map(({ content }) => content), [
        "what?"
      ])
      finishRuns(world)
    }
    sendCommand(world, alice, submitPrompt("and?"), "p4")
    assert.lengthOf(stateOf(world).runs.at(-1)?.messages ?? [], 8)
  })

  it("[CHO8][TOP10] a prompt whose text was erased gets no further answer; the same prompt in other words does", () => {
    const world = threadWorld()
    const again = (sibling_of: string) =>
      sendCommand(world, alice, { _tag: "submit_prompt", prompt: "why?", sibling_of: commandId(sibling_of) }, "p3")
    sendCommand(world, alice, submitPrompt(), "p1")
    finishRuns(world)
    sendCommand(world, alice, { _tag: "submit_prompt", prompt: "why, though?", sibling_of: commandId("p1") }, "p2")
    finishRuns(world)
    assert.strictEqual(sendCommand(world, alice, { _tag: "erase", seq: stateOf(world).runs[1]!.seq }), "ok")
    assert.strictEqual(again("p2"), "rule_violated TOP10")
    assert.lengthOf(stateOf(world).runs, 2)
    assert.strictEqual(again("p1"), "ok")
  })

  it("[SEC29][TOP11] beside the active run at most sixteen prompts are queued", () => {
    const world = threadWorld()
    for (let n = 0; n <= 16; n++) {
      assert.strictEqual(sendCommand(world, alice, submitPrompt(), `p${n}`), "ok")
    }
    assert.strictEqual(sendCommand(world, alice, submitPrompt()), "rule_violated CHO9")
  })

  it("[SYN4] the id of a message cannot be used for a prompt", () => {
    assert.strictEqual(sendCommand(threadWorld(bob), alice, submitPrompt(), "in0"), "id_conflict SYN4")
  })
})

describe("Cancelled and failed runs", () => {
  it("[CHO8][FLT19] the author or a co-author cancels a queued or active run; its step is no longer pending, and its text is kept", () => {
    const world = threadWorld(bob)
    sendCommand(world, alice, submitPrompt(), "p0")
    sendCommand(world, alice, submitPrompt(), "p1")
    assert.strictEqual(sendCommand(world, carol, cancelRun("p0")), "forbidden CHO8")
    const step = runningStep(world)
    if (step === undefined) return assert.fail("no step")
    assert.strictEqual(sendCommand(world, bob, cancelRun("p1")), "ok")
    // The server restarted: the step is carried out again, and no text is kept.
    deliverPartialText(world, step, "too early")
    assert.strictEqual(sendCommand(world, bob, cancelRun("p0")), "ok")
    assert.isUndefined(runningStep(world))
    applyCommand(world, threadId, commandId("forged"), bob, {
      _tag: "StepInterrupted",
      intent: step.id,
      prompt_id: commandId("p0"),
      text: "forged"
    })
    deliverPartialText(world, { ...step, id: commandId("p0/0/yield/0") }, "of another step")
    assert.deepStrictEqual(runsOf(world).map((run) => run.partial), [null, null])
    deliverPartialText(world, step, "so far")
    applyCommand(world, threadId, commandId("again"), "system:chorus", {
      _tag: "StepInterrupted",
      intent: step.id,
      prompt_id: commandId("p0"),
      text: "more"
    })
    assert.deepStrictEqual(runsOf(world).map((run) => run.partial), ["so far", null])
    assert.strictEqual(sendCommand(world, alice, cancelRun("p0")), "rule_violated CHO8")
    assert.strictEqual(sendCommand(world, alice, cancelRun("none")), "not_found CHO8")
  })

  it("[CHO6] a failed or cancelled run changes nothing else in the thread", () => {
    const world = threadWorld()
    const { messages, submissions, token_balance } = stateOf(world)
    sendCommand(world, alice, submitPrompt(), "p0")
    sendCommand(world, alice, submitPrompt(), "p1")
    const first = runningStep(world)
    if (first === undefined) return assert.fail("no run")
    completeStep(world, first)
    const second = runningStep(world)
    if (second === undefined) return assert.fail("no step")
    failStep(world, second)
    sendCommand(world, alice, cancelRun("p1"))
    const after = stateOf(world)
    assert.deepStrictEqual(
      {
        messages: after.messages,
        submissions: after.submissions,
        token_balance: after.token_balance,
        ledger_requests: after.ledger_requests
      },
      { messages, submissions, token_balance, ledger_requests: [] }
    )
    assert.strictEqual(after.runs[0]?.steps.length, 1)
  })
})

describe("Erased texts that runs were given", () => {
  const erase = (world: TopicWorld, isErased: (event: ThreadModel.Event) => boolean) =>
    sendCommand(world, alice, {
      _tag: "erase",
      seq: getTopic(world, threadId).events.findIndex((event) => isErased(event as ThreadModel.Event)) + 1
    })
  const message = (content: string): ThreadModel.CommandInput => ({ _tag: "submit_message", content })
  const isMessage = (text: string) => (event: ThreadModel.Event) =>
    event._tag === "MessagePublished" && event.content.text === text
  const isPrompt = (id: string) => (event: ThreadModel.Event) => event._tag === "PromptSubmitted" && event.id === id

  it("[TOP10] a queued run without its prompt never starts, and the run beside it goes on", () => {
    const world = threadWorld()
    for (const prompt of ["p0", "p1", "p2"]) sendCommand(world, alice, submitPrompt(prompt), prompt)
    assert.strictEqual(erase(world, isPrompt("p1")), "ok")
    assert.deepStrictEqual(statuses(world), ["running", "cancelled", "queued"])
    finishRuns(world)
    assert.deepStrictEqual(statuses(world), ["yielded", "cancelled", "yielded"])
  })

  it("[TOP10] each erasure ends the run that was given the text, however many came before", () => {
    const world = threadWorld()
    sendCommand(world, alice, message("one"))
    sendCommand(world, alice, message("two"))
    for (const prompt of ["p0", "p1", "p2"]) sendCommand(world, alice, submitPrompt(prompt), prompt)
    assert.strictEqual(erase(world, isMessage("one")), "ok")
    assert.deepStrictEqual(statuses(world), ["failed", "running", "queued"])
    assert.strictEqual(erase(world, isMessage("two")), "ok")
    assert.deepStrictEqual(statuses(world), ["failed", "failed", "running"])
    const marks = getTopic(world, threadId).events.filter((event) =>
      (event as ThreadModel.Event)._tag === "SourceErased"
    )
    assert.lengthOf(marks, 2)
  })

  it("[TOP10] prompts with one commitment are erased as one: none of their runs goes on or starts", () => {
    const world = threadWorld()
    for (const prompt of ["p0", "p1", "p2"]) sendCommand(world, alice, submitPrompt(prompt), prompt)
    const state = stateOf(world)
    const [first, second, third] = state.runs
    getTopic(world, threadId).state = { ...state, runs: [first, { ...second, prompt: first!.prompt }, third] }
    assert.strictEqual(erase(world, isPrompt("p0")), "ok")
    assert.deepStrictEqual(statuses(world), ["failed", "cancelled", "running"])
  })
})

describe("Answers, transcript and payment", () => {
  it("[CHO7][FLT18] a repeated answer to a step changes nothing", () => {
    const world = threadWorld()
    sendCommand(world, alice, submitPrompt(), "p")
    const first = runningStep(world)
    if (first === undefined) return assert.fail("no run")
    completeStep(world, first)
    const before = stateOf(world)
    applyCommand(world, threadId, commandId("again"), "system:chorus", {
      _tag: "StepAnswered",
      intent: first.id,
      prompt_id: first.run.prompt_id,
      output: outputs.action,
      usage
    })
    assert.strictEqual(stateOf(world), before)
  })

  it("[CHO2] a run receives the newest lines at its start, with earlier answers, and no later ones", () => {
    const world = threadWorld()
    for (let n = 0; n < ChorusRun.runPolicy.maxTranscriptLines; n++) {
      world.now += 1
      sendCommand(world, alice, { _tag: "submit_message", content: `m${n}` })
    }
    world.now += 1
    sendCommand(world, alice, submitPrompt("first"), "p0")
    assert.strictEqual(runningStep(world)?.run.messages[0]?.content.text, "m0")
    world.now += 1
    finishRuns(world)
    world.now += 1
    sendCommand(world, alice, submitPrompt("second"), "p1")
    sendCommand(world, alice, { _tag: "submit_message", content: "later" })
    const seen = plain(runningStep(world)?.run.messages ?? [])
    assert.strictEqual(seen.length, ChorusRun.runPolicy.maxTranscriptLines)
    assert.deepStrictEqual(seen.slice(-3), [
      { author: alice, content: `m${ChorusRun.runPolicy.maxTranscriptLines - 1}` },
      { author: alice, content: "first" },
      { author: "system:chorus", content: "because" }
    ])
  })

  it("[CHO10] a run pays each cited author once, and never the author of the prompt", () => {
    const world = threadWorld(bob)
    const [a, b] = [userBalance(world, alice), userBalance(world, bob)]
    sendCommand(world, alice, submitPrompt(), "p")
    finishRuns(world)
    assert.deepStrictEqual([userBalance(world, alice), userBalance(world, bob), userBalance(world, carol)], [
      a,
      b + 5,
      10_005
    ])
    assert.deepStrictEqual(stateOf(world).ledger_requests, [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import type { ChorusState, Output, Prior, RunStep } from "../../../src/domain/chorus/Chorus.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import type { Author } from "../../../src/domain/Ids.ts"
import type * as Model from "../../../src/domain/kinds/ThreadModel.ts"
import { policy } from "../../../src/domain/kinds/ThreadRules.ts"
import { at, drain, id, type Live, makeWorld, pending, put, type World } from "../../support/scripts.ts"
import { alice, bob, carol, send, stateOf, t, tokens } from "./OneThread.ts"

const usage = { provider: "test", model: "test", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

const prior = (name: string, author: Author): Prior => ({
  id: name,
  content: name,
  author,
  thread: t,
  similarity: 0.5,
  created_at: 0
})
const priors = [prior("p-alice", alice), prior("p-bob", bob), prior("p-bob-2", bob), prior("p-carol", carol)]

const outputs: { readonly [S in ChorusState["current_step"]]: Output } = {
  action: { _tag: "action", proposed_response: "a", confidence: 0.5, reasoning: "" },
  experience: { _tag: "experience", synthesis: "e", key_insights: [], priors },
  intention: { _tag: "intention", explicit: "i", implicit: "", selected_priors: [], reason: "" },
  observation: { _tag: "observation", context_analysis: "o", patterns: [], semantic_links: [] },
  update: { _tag: "update", reason: "u", loop: false, confidence: 0.9 },
  yield: {
    _tag: "yield",
    final_response: "because",
    citations: priors.map(({ id }) => ({ prior: id, quote: "" })),
    confidence: 0.9
  }
}

const statuses = (world: World) => stateOf(world).runs.map((run) => run.status)

const running = (world: World): RunStep | undefined =>
  pending(at(world, t)).find((intent): intent is RunStep => intent._tag === "RunStep")

/** Answers the step under way. */
const step = (world: World, { id: intent, run }: RunStep) =>
  put(world, t, id(`${intent}/answer`), "system:chorus", {
    _tag: "StepAnswered",
    intent,
    prompt_id: run.prompt_id,
    output: outputs[run.current_step],
    usage
  })

const fail = (world: World, { id: intent, run }: RunStep) =>
  put(world, t, id(`${intent}/answer`), "system:chorus", {
    _tag: "StepErrored",
    intent,
    prompt_id: run.prompt_id,
    error: { _tag: "AIError", message: "no key", retryable: false }
  })

/** Answers every step of every run, and lets the ledger pay. */
const finish = (world: World) => {
  drain(world, (_live: Live, intent) => step(world, intent as RunStep))
  return world
}

const ask = (prompt = "why?"): Model.Command => ({ _tag: "submit_prompt", prompt })
const cancel = (prompt: string): Model.Command => ({ _tag: "cancel_run", prompt_id: id(prompt) })
/** The performer of a step that was stopped hands over what it had said. */
const handOver = (world: World, { id: intent, run }: RunStep, text: string) =>
  put(world, t, id(`${intent}/cut`), "system:chorus", { _tag: "StepCut", intent, prompt_id: run.prompt_id, text })

/** Alice's thread, with Bob and Carol as co-authors when asked for. */
const begun = (...others: ReadonlyArray<typeof alice>) => {
  const world = makeWorld()
  send(world, alice, { _tag: "create_thread", name: "Bread" })
  for (const [n, other] of others.entries()) {
    send(world, other, { _tag: "submit_message", content: "let me in" }, `in${n}`)
    finish(world)
    for (const voter of stateOf(world).co_authors) {
      send(world, voter, { _tag: "process_approval", message_id: id(`in${n}`), decision: "approve" })
    }
    finish(world)
  }
  return world
}

describe("The Chorus in a thread", () => {
  it("[CHO1][CHO7] a prompt becomes a run of the thread, which asks for its first step", () => {
    const world = begun()
    assert.strictEqual(send(world, alice, ask(), "p"), "ok")
    assert.strictEqual(running(world)?.id, "p/0/action/0")
    finish(world)
    assert.deepStrictEqual(statuses(world), ["yielded"])
    assert.strictEqual(stateOf(world).runs[0]?.steps.length, 6)
  })

  it("[CHO9] only co-authors ask", () => {
    assert.strictEqual(send(begun(), bob, ask()), "forbidden CHO9")
  })

  it("[CHO9] one run at a time; the next starts when one ends, however it ends", () => {
    const world = begun()
    for (const prompt of ["p0", "p1", "p2", "p3"]) send(world, alice, ask(), prompt)
    assert.deepStrictEqual(statuses(world), ["running", "queued", "queued", "queued"])
    const first = running(world)
    if (first === undefined) return assert.fail("no run")
    fail(world, first)
    assert.deepStrictEqual(statuses(world), ["failed", "running", "queued", "queued"])
    send(world, alice, cancel("p2"))
    send(world, alice, cancel("p1"))
    assert.deepStrictEqual(statuses(world), ["failed", "cancelled", "cancelled", "running"])
    finish(world)
    assert.deepStrictEqual(statuses(world), ["failed", "cancelled", "cancelled", "yielded"])
  })

  const busily = (
    if_busy: "enqueue" | "reject" | "interrupt"
  ): Model.Command => ({ ...ask(), if_busy } as Model.Command)

  it("[CHO9] a prompt may be refused while one runs, or cancel that and take its turn", () => {
    const world = begun(bob)
    assert.strictEqual(send(world, alice, busily("reject"), "p0"), "ok")
    assert.strictEqual(send(world, bob, busily("reject"), "p1"), "rule_violated CHO9")
    assert.strictEqual(send(world, bob, busily("interrupt"), "p2"), "ok")
    assert.deepStrictEqual(statuses(world), ["cancelled", "running"])
    assert.strictEqual(send(world, alice, busily("enqueue"), "p3"), "ok")
    assert.strictEqual(send(world, bob, busily("interrupt"), "p4"), "ok")
    assert.deepStrictEqual(statuses(world), ["cancelled", "cancelled", "running", "queued"])
    finish(world)
    assert.deepStrictEqual(statuses(world), ["cancelled", "cancelled", "yielded", "yielded"])
    assert.strictEqual(send(world, bob, busily("interrupt"), "p5"), "ok")
    assert.strictEqual(statuses(world).at(-1), "running")
  })

  it("[CHO8] the same is answered once more without a look at the answers before", () => {
    const world = begun()
    const again = (sibling_of: string): Model.Command => ({
      _tag: "submit_prompt",
      prompt: "why?",
      sibling_of: id(sibling_of)
    })
    send(world, alice, ask("what?"), "p0")
    finish(world)
    send(world, alice, ask(), "p1")
    finish(world)
    assert.strictEqual(send(world, alice, again("none"), "p2"), "not_found CHO8")
    for (const [prompt, of] of [["p2", "p1"], ["p3", "p2"]] as const) {
      assert.strictEqual(send(world, alice, again(of), prompt), "ok")
      const run = stateOf(world).runs.at(-1)
      assert.strictEqual(run?.sibling_of, "p1")
      assert.deepStrictEqual(run?.messages.filter(({ author }) => author === alice).map(({ content }) => content), [
        "what?"
      ])
      finish(world)
    }
    send(world, alice, ask("and?"), "p4")
    assert.lengthOf(stateOf(world).runs.at(-1)?.messages ?? [], 8)
  })

  it("[CHO9] the queue is bounded, and a prompt's id is used once", () => {
    const world = begun()
    for (let n = 0; n <= policy.queue; n++) assert.strictEqual(send(world, alice, ask(), `p${n}`), "ok")
    assert.strictEqual(send(world, alice, ask()), "rule_violated CHO9")
    const other = begun(bob)
    assert.strictEqual(send(other, alice, ask(), "in0"), "id_conflict SYN4")
  })

  it("[CHO8] the asker or any co-author cancels, before or while it runs; the text so far is kept", () => {
    const world = begun(bob)
    send(world, alice, ask(), "p0")
    send(world, alice, ask(), "p1")
    assert.strictEqual(send(world, carol, cancel("p0")), "forbidden CHO8")
    const step = running(world)
    if (step === undefined) return assert.fail("no step")
    assert.strictEqual(send(world, bob, cancel("p1")), "ok")
    // The server stopped and came back: the step goes on, and no text is kept.
    handOver(world, step, "too early")
    assert.strictEqual(send(world, bob, cancel("p0")), "ok")
    assert.isUndefined(running(world))
    put(world, t, id("spoof"), bob, { _tag: "StepCut", intent: step.id, prompt_id: id("p0"), text: "spoofed" })
    handOver(world, { ...step, id: id("p0/0/yield/0") }, "of another step")
    assert.deepStrictEqual(stateOf(world).runs.map((run) => run.partial), ["", ""])
    handOver(world, step, "so far")
    put(world, t, id("again"), "system:chorus", { _tag: "StepCut", intent: step.id, prompt_id: id("p0"), text: "more" })
    assert.deepStrictEqual(stateOf(world).runs.map((run) => run.partial), ["so far", ""])
    assert.strictEqual(send(world, alice, cancel("p0")), "rule_violated CHO8")
    assert.strictEqual(send(world, alice, cancel("none")), "not_found CHO8")
  })

  it("[CHO6] a failed or cancelled run leaves the rest of the thread as it was", () => {
    const world = begun()
    const { messages, submissions, token_balance } = stateOf(world)
    send(world, alice, ask(), "p0")
    send(world, alice, ask(), "p1")
    const first = running(world)
    if (first === undefined) return assert.fail("no run")
    step(world, first)
    const second = running(world)
    if (second === undefined) return assert.fail("no step")
    fail(world, second)
    send(world, alice, cancel("p1"))
    const after = stateOf(world)
    assert.deepStrictEqual(
      {
        messages: after.messages,
        submissions: after.submissions,
        token_balance: after.token_balance,
        owed: after.owed
      },
      { messages, submissions, token_balance, owed: [] }
    )
    assert.strictEqual(after.runs[0]?.steps.length, 1)
  })

  it("[CHO7] an answer given twice, or to another try, changes nothing", () => {
    const world = begun()
    send(world, alice, ask(), "p")
    const first = running(world)
    if (first === undefined) return assert.fail("no run")
    step(world, first)
    const before = stateOf(world)
    put(world, t, id("again"), "system:chorus", {
      _tag: "StepAnswered",
      intent: first.id,
      prompt_id: first.run.prompt_id,
      output: outputs.action,
      usage
    })
    assert.strictEqual(stateOf(world), before)
  })

  it("[CHO2] a run sees the newest lines when it starts, earlier answers among them, and no later ones", () => {
    const world = begun()
    for (let n = 0; n < ChorusRun.policy.lines; n++) {
      world.now += 1
      send(world, alice, { _tag: "submit_message", content: `m${n}` })
    }
    world.now += 1
    send(world, alice, ask("first"), "p0")
    assert.deepStrictEqual(running(world)?.run.messages.map(({ content }) => content)[0], "m0")
    world.now += 1
    finish(world)
    world.now += 1
    send(world, alice, ask("second"), "p1")
    send(world, alice, { _tag: "submit_message", content: "later" })
    const seen = running(world)?.run.messages ?? []
    assert.strictEqual(seen.length, ChorusRun.policy.lines)
    assert.deepStrictEqual(seen.slice(-3), [
      { author: alice, content: `m${ChorusRun.policy.lines - 1}` },
      { author: alice, content: "first" },
      { author: "system:chorus", content: "because" }
    ])
  })

  it("[CHO10] an answer pays each cited author once, and never the asker", () => {
    const world = begun(bob)
    const [a, b] = [tokens(world, alice), tokens(world, bob)]
    send(world, alice, ask(), "p")
    finish(world)
    assert.deepStrictEqual([tokens(world, alice), tokens(world, bob), tokens(world, carol)], [a, b + 5, 10_005])
    assert.deepStrictEqual(stateOf(world).owed, [])
  })
})

/** Threads and the ledger together, over random scripts: what holds after every event, and what holds at rest. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, HashMap, Schema } from "effect"
import type { ChorusState, Output, Prior, RunStep } from "../../../src/domain/chorus/Chorus.ts"
import * as ChorusFindings from "../../../src/domain/chorus/ChorusFindings.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import * as Ledger from "../../../src/domain/kinds/Ledger.ts"
import * as LedgerModel from "../../../src/domain/kinds/LedgerModel.ts"
import type * as ThreadModel from "../../../src/domain/kinds/ThreadModel.ts"
import type { Intent } from "../../../src/domain/Topic.ts"
import {
  at,
  carry,
  crash,
  drain,
  id,
  type Live,
  makeWorld,
  pass,
  pending,
  put,
  refold,
  topic,
  user
} from "../../support/scripts.ts"
import type { World } from "../../support/scripts.ts"

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** One turn of a script; the numbers pick among what there is at that moment. */
const Turn = Schema.TaggedUnion({
  Say: { who: small(3), where: small(1), what: small(3), stake: small(2), retry: small(5) },
  Vote: { who: small(3), where: small(1), which: small(5), choice: Schema.Literals(["approve", "deny"]) },
  Cancel: { who: small(3), where: small(1), which: small(5), run: Schema.Boolean },
  Ask: { who: small(3), where: small(1) },
  Invite: { who: small(3), where: small(1), guest: small(3) },
  Leave: { who: small(3), where: small(1), meant: small(3) },
  /** Seldom meant, or most scripts would be over before anything happens. */
  Close: { who: small(3), where: small(1), meant: small(15) },
  /** Answers up to `times` + 1 steps. */
  Model: { where: small(1), bits: small(1023), fault: small(8), times: small(5) },
  Carry: { pick: small(20), times: small(4) },
  Crash: {},
  Wait: { hours: small(60) }
})
type Turn = typeof Turn.Type

const scripts = Arbitrary.array(Arbitrary.schema(Turn), { minLength: 30, maxLength: 120 })

/** Scripts long enough for votes to end and runs to loop. */
const long = { arbitrary: { runs: 400, size: 120 } }

const threads = [topic("thread:a"), topic("thread:b")] as const
const where = (n: number) => threads[n % 2] ?? threads[0]
const words = ["one", "two words", "three little words", "  "]
const stakes = [1_000, 1_001, 9_999]

const stateOf = (world: World, n: number) => at(world, where(n)).state as ThreadModel.State
const ledgerOf = (world: World) => at(world, LedgerModel.mainLedger).state as LedgerModel.State

/** What the model says, from a few bits; some of it invented. */
const priors: ReadonlyArray<Prior> = [0, 1, 2, 3].map((n) => ({
  id: `p${n}`,
  content: `what ${n} wrote`,
  author: user(n),
  thread: threads[0],
  similarity: 0.5,
  created_at: 0
}))

const output = (step: ChorusState["current_step"], bits: number): Output => {
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

const answer = (world: World, live: Live, intent: Intent, bits: number, fault: number) => {
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
  put(world, live.topic, id(`${intent.id}/answer`), "system:chorus", input)
}

const play = (world: World, turn: Turn, n: number) => {
  switch (turn._tag) {
    case "Say": {
      const command = id(turn.retry === 0 ? `t${Math.floor(n / 2)}` : `t${n}`)
      const input = { _tag: "submit_message", content: words[turn.what], stake: stakes[turn.stake] }
      put(world, where(turn.where), command, user(turn.who), input)
      break
    }
    case "Vote": {
      const { gates, submissions } = stateOf(world, turn.where)
      const ballots = [...submissions, ...gates]
      const message_id = ballots[turn.which % ballots.length]?.id ?? "none"
      put(world, where(turn.where), id(`t${n}`), user(turn.who), {
        _tag: "process_approval",
        message_id,
        decision: turn.choice
      })
      break
    }
    case "Cancel": {
      const { runs, submissions } = stateOf(world, turn.where)
      const input = turn.run
        ? { _tag: "cancel_run", prompt_id: runs[turn.which % runs.length]?.prompt_id ?? "none" }
        : { _tag: "cancel_submission", message_id: submissions[turn.which % submissions.length]?.id ?? "none" }
      put(world, where(turn.where), id(`t${n}`), user(turn.who), input)
      break
    }
    case "Ask":
      put(world, where(turn.where), id(`t${n}`), user(turn.who), { _tag: "submit_prompt", prompt: "why?" })
      break
    case "Invite": {
      const input = { _tag: "invite_co_author", user: user(turn.guest) }
      put(world, where(turn.where), id(`t${n}`), user(turn.who), input)
      break
    }
    case "Leave":
      if (turn.meant === 0) put(world, where(turn.where), id(`t${n}`), user(turn.who), { _tag: "divest" })
      break
    case "Close":
      if (turn.meant === 0) put(world, where(turn.where), id(`t${n}`), user(turn.who), { _tag: "close_thread" })
      break
    case "Model": {
      const live = at(world, where(turn.where))
      for (let time = 0; time <= turn.times; time++) {
        for (const intent of pending(live)) answer(world, live, intent, turn.bits, turn.fault)
      }
      break
    }
    case "Carry":
      for (let time = 0; time <= turn.times; time++) carry(world, turn.pick + time)
      break
    case "Crash":
      crash(world)
      break
    case "Wait":
      pass(world, turn.hours * 3_600_000)
      break
  }
}

const run = (script: ReadonlyArray<Turn>, check: (world: World, live: Live) => void = () => {}) => {
  const world: World = makeWorld((live) => check(world, live))
  put(world, threads[0], id("new-a"), user(0), { _tag: "create_thread", name: "A" })
  put(world, threads[1], id("new-b"), user(1), { _tag: "create_thread", name: "B" })
  for (const [n, turn] of script.entries()) play(world, turn, n)
  return world
}

/** Plays on until nobody owes anything to anybody. */
const rest = (world: World) => {
  drain(world, (live, intent) => answer(world, live, intent, 5, 5))
  return world
}

const isThread = (live: Live): live is Live & { state: ThreadModel.State } => live.kind.name === "thread"

describe("Threads and the ledger", () => {
  it.prop("[LED2] tokens are neither made nor destroyed by any event", { scripts }, ({ scripts }) => {
    run(scripts, (world) => {
      const state = ledgerOf(world)
      assert.strictEqual(Ledger.total(state), Ledger.policy.supply)
      assert.isTrue(HashMap.every(state.accounts, (amount) => amount >= 0))
    })
  }, long)

  it.prop("[THR1][THR3] co-authors, votes and versions are sound after every event", { scripts }, ({ scripts }) => {
    run(scripts, (_world, live) => {
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
  }, long)

  it.prop("[THR6][LED4] at rest both agree on every stake and every balance", { scripts }, ({ scripts }) => {
    const world = rest(run(scripts))
    const ledger = ledgerOf(world)
    assert.deepStrictEqual(ledger.offers, [])
    const stakes = new Map<string, number>()
    for (const live of world.topics.values()) {
      if (!isThread(live)) continue
      assert.deepStrictEqual(live.state.owed, [])
      assert.strictEqual(Ledger.balance(ledger, LedgerModel.threadAccount(live.topic)), live.state.token_balance)
      for (const one of live.state.submissions) {
        if (one.status === "pending") stakes.set(LedgerModel.stakeAccount(one.id), one.stake)
      }
    }
    const reserved = HashMap.toEntries(ledger.accounts).filter(([account]) => account.startsWith("stake:"))
    assert.deepStrictEqual(new Map<string, number>(reserved), stakes)
  }, long)

  it.prop(
    "[TOP2] every state is the fold of its log as stored, and survives a snapshot",
    { scripts },
    ({ scripts }) => {
      for (const live of run(scripts).topics.values()) {
        assert.isTrue(Equal.equals(refold(live), live.state))
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

  it.prop("[TOP6] intents have ids of their own, and an answered one is not owed again", { scripts }, ({ scripts }) => {
    const seen = new Map<Live, { readonly owed: Set<string>; readonly gone: Set<string> }>()
    run(scripts, (_world, live) => {
      const ids = pending(live).map((intent) => intent.id)
      assert.strictEqual(new Set(ids).size, ids.length)
      const { gone, owed } = seen.get(live) ?? { gone: new Set(), owed: new Set() }
      const still = new Set<string>(ids)
      const over = new Set([...gone, ...[...owed].filter((one) => !still.has(one))])
      assert.isTrue(ids.every((one) => !over.has(one)))
      seen.set(live, { owed: still, gone: over })
    })
  }, long)

  it.prop(
    "[CHO3][CHO9][CHO10] one run at a time, each ends, and cites only what it found",
    { scripts },
    ({ scripts }) => {
      const check = (_world: World, live: Live) => {
        if (!isThread(live)) return
        assert.isAtMost(live.state.runs.filter((run) => run.status === "running").length, 1)
      }
      for (const live of rest(run(scripts, check)).topics.values()) {
        if (!isThread(live)) continue
        for (const run of live.state.runs) {
          assert.isTrue(ChorusRun.isOver(run))
          assert.isAtMost(run.loop, ChorusRun.policy.maxLoops)
          const found = new Set(ChorusFindings.priorsOf(run).map((prior) => prior.id))
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

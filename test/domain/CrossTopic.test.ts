/** Threads and the ledger together under random workloads: invariants after every event, and at quiescence. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, HashMap, Schema } from "effect"
import * as ChorusProgress from "../../src/domain/chorus/ChorusProgress.ts"
import * as ChorusRun from "../../src/domain/chorus/ChorusRun.ts"
import * as Ledger from "../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../src/domain/ledger/LedgerModel.ts"
import { openTexts, plain } from "../../src/domain/topic/SealedText.ts"
import {
  isThread,
  ledgerOf,
  numberUpTo,
  runWorkload,
  settleWorld,
  stateOf,
  workloadRuns,
  workloads
} from "../support/CrossTopicWorkload.ts"
import {
  deliverOne,
  dropReplies,
  pendingIntents,
  replayState,
  type TopicInstance,
  type TopicWorld
} from "../support/TopicWorld.ts"

describe("Threads and the ledger after every event", () => {
  it.prop("[LED1][LED2] after every event the balances add up to the supply, and none is negative", {
    scripts: workloads
  }, ({ scripts }) => {
    runWorkload(scripts, (world) => {
      const state = ledgerOf(world)
      assert.strictEqual(Ledger.totalBalance(state), Ledger.policy.totalSupply)
      assert.isTrue(HashMap.every(state.accounts, (amount) => amount >= 0))
    })
  }, workloadRuns)

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
    workloadRuns
  )
})

describe("Threads and the ledger at quiescence", () => {
  it.prop(
    "[THR6] at quiescence threads and ledger agree on every stake and balance",
    { scripts: workloads },
    ({ scripts }) => {
      const world = settleWorld(runWorkload(scripts))
      const ledger = ledgerOf(world)
      assert.deepStrictEqual(ledger.offers, [])
      const stakes = new Map<string, number>()
      for (const live of world.topics.values()) {
        if (!isThread(live)) continue
        assert.deepStrictEqual(live.state.ledger_requests, [])
        assert.strictEqual(Ledger.balanceOf(ledger, LedgerModel.threadAccount(live.topic)), live.state.token_balance)
        for (const submission of live.state.submissions) {
          if (submission.status === "pending") stakes.set(LedgerModel.stakeAccount(submission.id), submission.stake)
        }
      }
      const reserved = HashMap.toEntries(ledger.accounts).filter(([account]) => account.startsWith("stake:"))
      assert.deepStrictEqual(new Map<string, number>(reserved), stakes)
    },
    workloadRuns
  )

  it.prop(
    "[LED4] crashes between a thread's decision and the ledger's answer lead to the same balances as none",
    { scripts: workloads, picks: Arbitrary.array(Arbitrary.schema(numberUpTo(20)), { minLength: 1, maxLength: 20 }) },
    ({ picks, scripts }) => {
      const world = settleWorld(runWorkload(scripts))
      const crashed = runWorkload(scripts)
      for (const pick of picks) {
        // The other topic has decided and stored its events; its answer is lost, and the intent is performed again.
        deliverOne(crashed, pick)
        dropReplies(crashed)
      }
      settleWorld(crashed)
      assert.isTrue(Equal.equals(ledgerOf(crashed).accounts, ledgerOf(world).accounts))
      for (const n of [0, 1]) {
        assert.strictEqual(stateOf(crashed, n).token_balance, stateOf(world, n).token_balance)
        assert.deepStrictEqual(stateOf(crashed, n).co_authors, stateOf(world, n).co_authors)
      }
    },
    workloadRuns
  )

  it.prop(
    "[TOP2] every state is the fold of its stored log, and equals its snapshot",
    { scripts: workloads },
    ({ scripts }) => {
      for (const live of runWorkload(scripts).topics.values()) {
        assert.isTrue(Equal.equals(replayState(live), live.state))
        const codec = Schema.toCodecJson(live.kind.State)
        const stored = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(live.state)))
        assert.isTrue(Equal.equals(openTexts(Schema.decodeUnknownSync(codec)(stored), live.texts), live.state))
        for (const event of live.events) {
          const written = JSON.parse(JSON.stringify(Schema.encodeUnknownSync(live.kind.Event)(event)))
          assert.deepStrictEqual(openTexts(Schema.decodeUnknownSync(live.kind.Event)(written), live.texts), event)
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
    workloadRuns
  )

  it.prop(
    "[CHO3][CHO9][CHO10] one run is active at a time; each ends, and cites only its own priors",
    { scripts: workloads },
    ({ scripts }) => {
      const check = (_world: TopicWorld, live: TopicInstance) => {
        if (!isThread(live)) return
        assert.isAtMost(live.state.runs.filter((run) => run.status === "running").length, 1)
      }
      for (const live of settleWorld(runWorkload(scripts, check)).topics.values()) {
        if (!isThread(live)) continue
        for (const run of live.state.runs) {
          assert.isTrue(ChorusRun.isFinished(run))
          assert.isAtMost(run.loop, ChorusRun.runPolicy.maxLoops)
          const found = new Set(ChorusProgress.collectPriors(plain(run)).map((prior) => prior.id))
          for (const { output } of run.steps) {
            if (output._tag !== "yield") continue
            assert.isTrue(output.citations.every(({ prior }) => found.has(prior)))
            assert.strictEqual(new Set(output.citations.map(({ prior }) => prior)).size, output.citations.length)
            assert.isTrue(output.citations.every(({ quote }) => quote === null || quote.text === "wrote"))
          }
        }
      }
    }
  )
})

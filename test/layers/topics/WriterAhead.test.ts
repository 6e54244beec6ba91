/** A log that is ahead of its host: a commit that was reported as failed had succeeded, or somebody else wrote. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { CommandId } from "../../../src/domain/Ids.ts"
import type { Draft } from "../../../src/domain/Log.ts"
import * as Memory from "../../../src/layers/eventlog/Memory.ts"
import { submit } from "../../../src/layers/topics/Messages.ts"
import { Writer } from "../../../src/layers/topics/Writer.ts"
import { type Append, EventLog } from "../../../src/services/EventLog.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import * as Counter from "../../support/Counter.ts"
import { alice, hosts, listener, one, send, subscribe, total } from "../../support/Hosted.ts"

/** One event in the log that no host knows of, by command `cause`. */
const unheard = (expected: number, cause: string, event: Counter.Event): Append => ({
  topic: one,
  expected,
  drafts: [{
    topic: one,
    seq: expected + 1,
    at: 0,
    cause: CommandId.make(cause),
    author: alice,
    version: 2,
    event: event as Draft["event"]
  }],
  wakeAt: undefined,
  owed: true,
  listing: undefined
})

/** One life of a server over the log that is there; it leaves a snapshot of everything. */
const life = <A, E>(body: Effect.Effect<A, E, Topics | EventLog>) =>
  body.pipe(Effect.provide(hosts({ snapshotEvery: 4 })))

const adds = Effect.forEach([1, 2, 3, 4], () => send(one, { _tag: "add", n: 1 }))

describe("a log that is ahead", () => {
  it.effect("[TOP6] [SYN4] a repeat is acknowledged after its event was told and what it owes was issued", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* life(adds)
      const order: Array<string> = []
      const writer = new Writer(one, Counter.kind, {
        log,
        now: () => 0,
        seed: () => 0,
        forward: () => undefined
      }, {
        published: (_, entries) => order.push(`told ${entries.map(({ seq }) => seq).join()}`),
        installed: () => order.push("installed")
      })
      yield* writer.load
      const owes: Counter.Event = {
        _tag: "Owes",
        intent: { _tag: "Ask", id: CommandId.make("asked"), question: "how many?" }
      }
      yield* log.append(unheard(4, "twice", owes))
      yield* writer.commit([submit({
        id: CommandId.make("twice"),
        author: alice,
        input: { _tag: "ask", question: "how many?" },
        reply: (outcome) => order.push(Result.isSuccess(outcome) ? `answered ${outcome.success.seq}` : "refused")
      })])
      assert.deepStrictEqual(order, ["installed", "told 5", "answered 5"])
      assert.deepStrictEqual([writer.standing.seq, writer.standing.pending.map(({ id }) => id)], [5, ["asked"]])
    }).pipe(Effect.provide(Memory.layer)))

  it.effect("[SYN2] a subscription is answered with the events up to its position, and no more", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* life(adds)
      yield* life(Effect.gen(function*() {
        assert.strictEqual(yield* total(one), 4)
        const whole = Result.getOrThrow(yield* subscribe(one, listener("x")))
        yield* log.append(unheard(4, "elsewhere", { _tag: "Added", n: 1 }))
        const caught = Result.getOrThrow(yield* subscribe(one, listener("y"), { ...whole.position, seq: 2 }))
        assert.strictEqual(caught.position.seq, 4)
        assert.deepStrictEqual(caught.mode === "deltas" && caught.events.map(({ seq }) => seq), [3, 4])
      }))
    }).pipe(Effect.provide(Memory.layer)))
})

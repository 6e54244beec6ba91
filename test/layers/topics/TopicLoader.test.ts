/** A topic is loaded from its snapshot and the events after it (TOP7, TOP9). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import {
  accepted,
  counterOne,
  foreignAppend,
  hostsLayer,
  layer,
  readTotal,
  recordingSubscriber,
  sendCommand,
  subscribe
} from "../../support/TopicHostFixture.ts"

const sendAdd = (id: string) => sendCommand(counterOne, { _tag: "add", n: 1 }, { id })

describe("loading a topic", () => {
  it.effect("[TOP7] [TOP9] a snapshot is written every so many events; without it, or with an unusable one, the state is the same", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const session = <A, E>(body: Effect.Effect<A, E, Topics>) =>
        body.pipe(Effect.provide(hostsLayer({ snapshotEvery: 4 })))
      for (let i = 0; i < 7; i++) yield* session(sendAdd(`c${i}`))
      assert.strictEqual(Option.getOrThrow(yield* log.snapshot(counterOne)).seq, 4)
      assert.strictEqual(yield* session(readTotal(counterOne)), 7)
      const ofOlderVersion = JSON.stringify({
        total: 999,
        wake: null,
        pendingIntents: [],
        readers: null,
        poisoned: false
      })
      for (const [version, state] of [[1, ofOlderVersion], [2, "not JSON"], [2, "{}"]] as const) {
        yield* log.saveSnapshot(counterOne, { seq: 4, version, state })
        assert.strictEqual(yield* session(readTotal(counterOne)), 7)
      }
      // Commands from before the snapshot are known from the log.
      assert.deepStrictEqual(yield* session(sendAdd("c1")), accepted(2, true))
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[TOP9] events of an older version are upcast when they are read", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* log.append(foreignAppend(0, [5, 6], { version: 1 }))
      assert.strictEqual(yield* readTotal(counterOne), 11)
      const caught = Result.getOrThrow(
        yield* subscribe(counterOne, recordingSubscriber("x"), {
          epoch: Option.getOrThrow(yield* log.head(counterOne)).position.epoch,
          seq: 1
        })
      )
      assert.deepStrictEqual(caught.mode === "deltas" && caught.events.map(({ event }) => event), [
        { _tag: "Added", n: 6 }
      ])
    }).pipe(Effect.provide(layer())))
})

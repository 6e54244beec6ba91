/** A topic is loaded from its snapshot and the events after it (TOP7, TOP9). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import type * as RoomModel from "../../../src/domain/room/RoomModel.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Topics } from "../../../src/services/Topics.ts"
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
import { userId } from "../../support/TopicWorld.ts"

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
        yield* log.saveSnapshot(counterOne, { seq: 4, version, state, textSeqs: [] })
        assert.strictEqual(yield* session(readTotal(counterOne)), 7)
      }
      // Commands from before the snapshot are known from the log.
      assert.deepStrictEqual(yield* session(sendAdd("c1")), accepted(2, true))
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[TOP7] [TOP10] a snapshot holds no text: a topic that is loaded from it gets its texts from beside the log", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const [lobby, alice] = [TopicId.make("room:lobby"), userId(0)]
      const session = <A, E>(body: Effect.Effect<A, E, Topics>) =>
        body.pipe(Effect.provide(Layer.fresh(hostsLayer({ snapshotEvery: 2 }, roomKind))))
      const submit = (id: string, input: RoomModel.CommandInput) =>
        Effect.flatMap(Topics, (topics) => topics.submit(lobby, { id: CommandId.make(id), author: alice, input }))
      yield* session(submit("a", { _tag: "join_room" }))
      yield* session(submit("b", { _tag: "send_message", content: "canary" }))
      const snapshot = Option.getOrThrow(yield* log.snapshot(lobby))
      assert.strictEqual(snapshot.seq, 2)
      assert.notInclude(snapshot.state, "canary")
      const state = yield* session(Effect.flatMap(Topics, (topics) => topics.stateOf(roomKind, lobby, alice)))
      assert.strictEqual(state.messages[0]?.content.text, `"canary"`)
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[TOP9] events of an older version are upcast when they are folded, and published as they were written", () =>
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
      assert.deepStrictEqual<unknown>(
        caught.mode === "deltas" && caught.events.map(({ event, version }) => [event, version]),
        [[6, 1]]
      )
    }).pipe(Effect.provide(layer())))
})

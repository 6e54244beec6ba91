/** Deduplication of commands: over restarts, in logs of any length, with failing appends. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Option, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { CommandId, UserId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import type * as CounterKind from "../../support/CounterKind.ts"
import {
  accepted,
  codeOf,
  counterOne,
  type Disk,
  hostsLayer,
  logOnDisk,
  readTotal,
  sendCommand
} from "../../support/TopicHostFixture.ts"

const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const ben = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")

/** One run of a server over an existing log. */
const runServer = <A, E>(body: Effect.Effect<A, E, Topics>, snapshotEvery = 256) =>
  body.pipe(Effect.provide(Layer.fresh(hostsLayer({ snapshotEvery }))))

const sendAdd = (id: string, n: number, author = ada) => sendCommand(counterOne, { _tag: "add", n }, { id, author })
const sendNothing = (id: string, author = ada) => sendCommand(counterOne, { _tag: "nothing" }, { id, author })

const databases = [
  { name: "memory", layer: EventLogMemory.layer },
  { name: "SQLite", layer: EventLogSql.layer.pipe(Layer.provide(Sqlite.layer({ filename: ":memory:" })), Layer.orDie) }
] as const

describe.each(databases)("deduplication with a log in $name", ({ layer }) => {
  it.effect("[SYN4] an id is bound to one command without expiry: after a restart, and after a thousand other commands", () =>
    Effect.gen(function*() {
      yield* runServer(Effect.gen(function*() {
        assert.deepStrictEqual(yield* sendAdd("a", 1), accepted(1))
        for (let i = 0; i < 1_100; i++) yield* sendAdd(`more-${i}`, 1, ben)
        assert.strictEqual(codeOf(yield* sendAdd("a", 2)), "id_conflict")
        assert.deepStrictEqual(yield* sendAdd("a", 1), accepted(1, true))
      }))
      yield* runServer(Effect.gen(function*() {
        assert.strictEqual(codeOf(yield* sendAdd("a", 2)), "id_conflict")
        assert.strictEqual(codeOf(yield* sendAdd("a", 1, ben)), "id_conflict")
        assert.deepStrictEqual(yield* sendAdd("a", 1), accepted(1, true))
      }))
    }).pipe(Effect.provide(layer)))

  it.effect("[SYN4] [SYN5] the repeat of a command without an event gets its first receipt after a restart, whatever was appended since", () =>
    Effect.gen(function*() {
      yield* runServer(Effect.gen(function*() {
        assert.deepStrictEqual(yield* sendNothing("first"), accepted(0))
        yield* sendAdd("a", 1)
        assert.deepStrictEqual(yield* sendNothing("idle"), accepted(1))
        yield* sendAdd("b", 1)
      }))
      yield* runServer(Effect.gen(function*() {
        assert.deepStrictEqual(yield* sendNothing("first"), accepted(0, true))
        assert.deepStrictEqual(yield* sendNothing("idle"), accepted(1, true))
        assert.strictEqual(codeOf(yield* sendAdd("idle", 1)), "id_conflict")
        assert.strictEqual(codeOf(yield* sendNothing("idle", ben)), "id_conflict")
        assert.strictEqual(yield* readTotal(counterOne), 2)
      }))
    }).pipe(Effect.provide(layer)))

  it.effect("[TOP4] [SYN5] a command without an event is acknowledged once it is durable; the server's own are not stored", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* runServer(Effect.gen(function*() {
        yield* sendAdd("a", 1)
        yield* sendNothing("idle")
        yield* sendCommand(counterOne, { _tag: "nothing" }, { id: "clock", author: "system:clock" })
      }))
      const kept = (id: string) => Effect.map(log.findProcessedCommand(counterOne, CommandId.make(id)), Option.isSome)
      assert.deepStrictEqual([yield* kept("idle"), yield* kept("clock")], [true, false])
    }).pipe(Effect.provide(layer)))
})

const Action = Schema.Union([
  Schema.TaggedStruct("Send", {
    id: Schema.Literals([0, 1, 2, 3]),
    by: Schema.Literals(["ada", "ben"]),
    what: Schema.Literals([0, 1, -2])
  }),
  Schema.TaggedStruct("Disk", { mode: Schema.Literals(["sound", "sound", "broken", "ambiguous"]) }),
  Schema.TaggedStruct("Restart", {}),
  Schema.TaggedStruct("Pass", {})
])
const arbitraryScripts = Arbitrary.array(Arbitrary.schema(Action), { minLength: 8, maxLength: 40 })

describe("any history", () => {
  it.effect.prop("[SYN4] [TOP6] an id has one receipt, for one command of one author", {
    script: arbitraryScripts
  }, ({ script }) => {
    const disk: Disk = { mode: "sound" }
    /** By id, the receipt and the author and command that it answers. */
    const receipts = new Map<string, { readonly body: string; readonly seq: number }>()
    const commandOf = (what: number): CounterKind.Command => what === 0 ? { _tag: "nothing" } : { _tag: "add", n: what }
    const serverRuns = script.reduce<Array<Array<typeof Action.Type>>>((serverRuns, action) => {
      if (action._tag === "Restart") serverRuns.push([])
      else serverRuns.at(-1)!.push(action)
      return serverRuns
    }, [[]])
    const perform = Effect.fnUntraced(function*(action: typeof Action.Type) {
      if (action._tag === "Disk") disk.mode = action.mode
      if (action._tag === "Pass") yield* TestClock.adjust(400)
      if (action._tag !== "Send") return
      const { by, id, what } = action
      const body = `${by} ${what}`
      const outcome = yield* sendCommand(counterOne, commandOf(what), {
        id: `c${id}`,
        author: by === "ada" ? ada : ben
      })
      const before = receipts.get(`c${id}`)
      if (before !== undefined && before.body !== body) assert.include(["id_conflict", "unavailable"], codeOf(outcome))
      if (Result.isFailure(outcome)) return
      const { duplicate, seq } = outcome.success
      if (before !== undefined) assert.deepStrictEqual([seq, duplicate], [before.seq, true])
      receipts.set(`c${id}`, { body, seq })
    })
    return Effect.forEach(serverRuns, (actions) => runServer(Effect.forEach(actions, perform, { discard: true }), 3), {
      discard: true
    }).pipe(Effect.provide(Layer.fresh(logOnDisk(disk))))
  })
})

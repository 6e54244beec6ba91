/** What follows from an erasure: everything that repeats the text is erased, and then the text is deleted (TOP10). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import type { RunStep } from "../../../src/domain/chorus/ChorusModel.ts"
import { type Author, CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TextEraser from "../../../src/layers/topics/TextEraser.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { makeOutput, usage } from "../../support/RunFixture.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { userId } from "../../support/TopicWorld.ts"

const alice = userId(0)
const one = TopicId.make("thread:one")
const two = TopicId.make("thread:two")
const secret = "the launch code of the silo is 8841-7720"

const kinds = Layer.succeed(Kinds, builtInKinds)

/** Topics without an eraser. */
const topicsLayer = Layer.provideMerge(TopicsLocal.layer(), Layer.merge(IntentHandlersLive.layer, kinds))

const submit = (topic: TopicId, id: string, input: unknown, author: Author = alice) =>
  Effect.flatMap(Topics, (topics) => topics.submit(topic, { id: CommandId.make(id), author, input }))

/** A thread with a message. */
const makeThread = Effect.fnUntraced(function*(topic: TopicId, content: string) {
  yield* submit(topic, "create", { _tag: "create_thread", name: "T" })
  const { seq } = yield* submit(topic, "m", { _tag: "submit_message", content })
  return seq
})

const erase = (topic: TopicId, seq: number) => submit(topic, `erase ${seq}`, { _tag: "erase", seq })

/** The texts that are erased and not deleted yet, once the condition holds. */
const awaitErased = (isDone: (texts: ReadonlyArray<string | null>) => boolean) =>
  Effect.flatMap(EventLog, (log) => log.erasedTexts()).pipe(
    Effect.map((erased) => erased.map(({ text }) => text)),
    Effect.repeat({ until: isDone, schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("10 seconds")
  )

describe("TextEraser", () => {
  it.live("[TOP10] a topic that cannot be read holds up no other erasure, and its own is tried again", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      for (const topic of [one, two]) yield* erase(topic, yield* makeThread(topic, `${secret} of ${topic}`))
      const alter = (difference: number) =>
        sql`UPDATE entries SET at = at + ${difference} WHERE topic = ${one} AND seq = 2`
      yield* alter(1)
      yield* Effect.gen(function*() {
        yield* awaitErased((texts) => texts.length === 1)
        yield* alter(-1)
        yield* awaitErased((texts) => texts.length === 0)
      }).pipe(Effect.provide(TextEraser.layer))
    }).pipe(
      Effect.provide(topicsLayer.pipe(
        Layer.provideMerge(EventLogSql.layer),
        Layer.provideMerge(Layer.fresh(Sqlite.layer({ filename: ":memory:" })))
      ))
    ))

  it.live("[TOP10] erases an output that repeats the text more often than one command can name", () =>
    Effect.gen(function*() {
      const { register } = yield* IntentHandlers
      yield* register("RunStep", (_, intent) => {
        const { id, run } = intent as RunStep
        const answer = { _tag: "StepAnswered", intent: id, prompt_id: run.prompt_id, usage } as const
        if (run.current_step === "action") return Effect.succeed({ ...answer, output: makeOutput("action", 0) })
        if (run.current_step !== "experience") return Effect.never
        const key_insights = Array.from({ length: 300 }, (_, n) => `${n} ${secret}`)
        return Effect.succeed({ ...answer, output: { _tag: "experience", synthesis: "s", key_insights, priors: [] } })
      })
      const seq = yield* makeThread(one, secret)
      yield* submit(one, "p", { _tag: "submit_prompt", prompt: "q" })
      const runs = Effect.map(
        Effect.flatMap(Topics, (topics) => topics.stateOf(threadKind, one, alice)),
        (state) => state.runs
      )
      const insights = Effect.map(runs, ([run]) => {
        const output = run?.steps[1]?.output
        return output?._tag === "experience" ? output.key_insights.map(({ text }) => text) : []
      })
      yield* Effect.repeat(insights, {
        until: (texts) => texts.length === 300,
        schedule: Schedule.spaced("5 millis")
      })
      yield* erase(one, seq)
      yield* awaitErased((texts) => texts.length === 0)
      assert.deepStrictEqual(new Set(yield* insights), new Set([null]))
      assert.strictEqual((yield* runs)[0]?.status, "failed")
    }).pipe(Effect.provide(TextEraser.layer.pipe(
      Layer.provideMerge(topicsLayer),
      Layer.provideMerge(EventLogMemory.layer)
    ))))

  it.live("[TOP10] while another process reads the file the text is not deleted yet; then no byte of it is left", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const filename = join(folder, "choir.db")
      const holding = () => readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(secret))
      yield* Effect.gen(function*() {
        const seq = yield* makeThread(one, secret)
        const reader = yield* Effect.acquireRelease(
          Effect.sync(() => new DatabaseSync(filename, { readOnly: true })),
          (reader) => Effect.sync(() => reader.close())
        )
        reader.exec("BEGIN")
        reader.prepare("SELECT count(*) FROM topics").get()
        yield* erase(one, seq)
        assert.deepStrictEqual(yield* awaitErased((texts) => !texts.includes(secret)), [null])
        assert.isNotEmpty(holding())
        reader.exec("COMMIT")
        yield* awaitErased((texts) => texts.length === 0)
        assert.deepStrictEqual(holding(), [])
      }).pipe(Effect.provide(TextEraser.layer.pipe(
        Layer.provideMerge(topicsLayer),
        Layer.provideMerge(EventLogSql.layer),
        Layer.provide(Sqlite.layer({ filename }))
      )))
    }).pipe(Effect.scoped))
})

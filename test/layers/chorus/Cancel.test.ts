import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import * as RunStepHandler from "../../../src/layers/chorus/RunStepHandler.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as SignalsLocal from "../../../src/layers/presence/SignalsLocal.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Topics } from "../../../src/services/Topics.ts"

const thread = TopicId.make("thread:a")
const alice = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")

/** Hosts over a log that is provided from outside, with a Chorus that streams one text and never ends. */
const topicHosts = (textStreamed: Deferred.Deferred<void>) =>
  RunStepHandler.layer.pipe(
    Layer.provide(SignalsLocal.layer(defaults)),
    Layer.provideMerge(TopicsLocal.layer()),
    Layer.provide(IntentHandlersLive.layer),
    Layer.provide(Layer.succeed(Kinds, builtInKinds)),
    Layer.provide(Layer.succeed(Chorus, {
      modelInfo: { model: "m", offline: true },
      step: (_, onText) =>
        Effect.andThen(onText("so far"), Effect.andThen(Deferred.succeed(textStreamed, undefined), Effect.never))
    }))
  )

const send = (id: string, input: unknown) =>
  Effect.flatMap(Topics, (topics) => topics.submit(thread, { id: CommandId.make(id), author: alice, input }))

const runs = Effect.map(
  Effect.flatMap(Topics, (topics) => topics.stateOf(threadKind, thread, alice)),
  (state) => state.runs.map(({ partial, status }) => [status, partial?.text ?? null])
)

describe("Cancelling a run", () => {
  it.effect("[CHO8] the partial text of a cancelled run is kept in the log; a queued run has none", () =>
    Effect.gen(function*() {
      const textStreamed = yield* Deferred.make<void>()
      yield* Effect.gen(function*() {
        yield* send("c", { _tag: "create_thread", name: "Bread" })
        yield* send("p0", { _tag: "submit_prompt", prompt: "why?" })
        yield* send("p1", { _tag: "submit_prompt", prompt: "how?" })
        yield* Deferred.await(textStreamed)
        yield* send("x1", { _tag: "cancel_run", prompt_id: "p1" })
        yield* send("x0", { _tag: "cancel_run", prompt_id: "p0" })
        yield* Effect.repeat(runs, { until: (all) => all[0]?.[1] !== null })
        assert.deepStrictEqual(yield* runs, [["cancelled", "so far"], ["cancelled", null]])
      }).pipe(Effect.provide(topicHosts(textStreamed)))
      const entries = yield* (yield* EventLog).read(thread, { after: 0, limit: 20 })
      const kept = entries.at(-1)
      assert.deepInclude(kept?.event, { _tag: "PartialKept", prompt_id: "p0" })
      assert.deepInclude(kept, { answers: { intent: CommandId.make("p0/0/action/0") }, depth: 1 })
      assert.deepStrictEqual(Object.values(kept?.open ?? {}).map(([, text]) => text), ["so far"])
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[CHO7] [FLT18] a shutdown does not cancel a run: its step is carried out again", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* Effect.gen(function*() {
        yield* send("c", { _tag: "create_thread", name: "Bread" })
        yield* send("p0", { _tag: "submit_prompt", prompt: "why?" })
        yield* Deferred.await(first)
      }).pipe(Effect.provide(topicHosts(first)))
      yield* Effect.gen(function*() {
        yield* (yield* Topics).recover
        yield* Deferred.await(second)
        assert.deepStrictEqual(yield* runs, [["running", null]])
      }).pipe(Effect.provide(topicHosts(second)))
    }).pipe(Effect.provide(EventLogMemory.layer)))
})

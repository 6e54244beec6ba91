import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as ModelCalls from "../../../src/layers/chorus/ModelCalls.ts"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import { userOf } from "../../support/ThreadLogFixture.ts"

const [ann, ben] = [userOf("B"), userOf("C")]

const provideLimits = (limits: Partial<typeof ModelCalls.ModelCallLimits.Service> = {}) =>
  Effect.provide(Layer.merge(
    Metrics.layer,
    Layer.succeed(ModelCalls.ModelCallLimits, {
      modelCalls: 2,
      promptCharactersPerUser: 100,
      promptCharactersPerDay: 150,
      ...limits
    })
  ))

/** The gauges: how many calls run, and how many wait. */
const countCalls = Effect.map(
  Metric.snapshot,
  (metrics) =>
    metrics.flatMap(({ attributes, id, state }) =>
      id === "choir_model_calls" ? [[attributes?.["state"], (state as { readonly value: unknown }).value] as const] : []
    )
)

describe("ModelCalls", () => {
  it.effect("[SEC29] no more calls run than are allowed; the others wait for their turn, however long it takes", () =>
    Effect.gen(function*() {
      const { perform } = yield* ModelCalls.make
      const order: Array<number> = []
      const gates = yield* Effect.forEach([0, 1, 2, 3, 4], () => Deferred.make<number>())
      const call = (n: number) =>
        perform(n % 2 === 0 ? ann : ben, 1, Effect.andThen(Effect.sync(() => order.push(n)), Deferred.await(gates[n]!)))
      const fibers = yield* Effect.forEach(
        gates,
        (_, n) => Effect.forkChild(call(n), { startImmediately: true })
      )
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(order, [0, 1])
      assert.deepStrictEqual(yield* countCalls, [["running", 2], ["waiting", 3]])
      // Who gives up while waiting makes no call, and takes nobody's place.
      yield* Fiber.interrupt(fibers[2]!)
      yield* Deferred.succeed(gates[1]!, 1)
      assert.strictEqual(yield* Fiber.join(fibers[1]!), 1)
      yield* Effect.yieldNow
      assert.deepStrictEqual(order, [0, 1, 3])
      yield* Effect.forEach([0, 3, 4], (n) => Deferred.succeed(gates[n]!, n))
      yield* Effect.forEach([0, 3, 4], (n) => Fiber.join(fibers[n]!))
      assert.deepStrictEqual(order, [0, 1, 3, 4])
      assert.deepStrictEqual(yield* countCalls, [["running", 0], ["waiting", 0]])
    }).pipe(provideLimits()))

  it.effect("[SEC29] a prompt beyond a budget of the day is a typed failure without a call, until midnight UTC", () =>
    Effect.gen(function*() {
      const { perform } = yield* ModelCalls.make
      const { budgetRefusals } = yield* Metrics.Metrics
      let calls = 0
      const ask = (user: typeof ann, characters: number) => perform(user, characters, Effect.sync(() => ++calls))
      assert.strictEqual(yield* ask(ann, 100), 1)
      const own = (yield* Effect.flip(ask(ann, 1))).reason
      assert.deepStrictEqual([own._tag, own.retryable], ["AIError", false])
      assert.include(own.message, "your budget for the Chorus is used up for today")
      assert.include((yield* Effect.flip(ask(ben, 51))).message, "this server's budget")
      assert.deepStrictEqual([calls, budgetRefusals.characters.value], [1, 2])
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* ask(ann, 100), 2)
    }).pipe(provideLimits()))

  it.effect("[SEC29] a call that failed, or was interrupted, gives its place to the next", () =>
    Effect.gen(function*() {
      const { perform } = yield* ModelCalls.make
      assert.strictEqual(yield* Effect.flip(perform(ann, 1, Effect.fail("broken"))), "broken")
      const running = yield* Effect.forkChild(perform(ann, 1, Effect.never), { startImmediately: true })
      const waiting = yield* Effect.forkChild(perform(ben, 1, Effect.succeed("done")), { startImmediately: true })
      yield* Fiber.interrupt(running)
      assert.strictEqual(yield* Fiber.join(waiting), "done")
    }).pipe(provideLimits({ modelCalls: 1 })))
})

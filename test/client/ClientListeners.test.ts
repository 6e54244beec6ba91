import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, References, Result } from "effect"
import { errorReason } from "../../src/client/ClientError.ts"
import { ClientListeners, OutcomeCallbacks } from "../../src/client/ClientListeners.ts"
import { awaitView, connectClient } from "./ClientSocketFixture.ts"
import { topic } from "./ScriptedServer.ts"

describe("ClientListeners", () => {
  it("a listener that throws is reported and stops no other; a removed one is not called", () => {
    const causes: Array<unknown> = []
    const listeners = new ClientListeners((cause) => causes.push(cause))
    let calls = 0
    const count = () => {
      calls += 1
    }
    listeners.onChange(() => {
      throw new RangeError("a listener's defect")
    })
    const [removeFirst] = [listeners.onChange(count), listeners.onChange(count)]
    listeners.notifyChange()
    removeFirst()
    listeners.notifyChange()
    assert.deepStrictEqual([calls, causes.length], [3, 2])
    listeners.onEvents(() => count())
    listeners.notifyEvents(topic, [])
    assert.strictEqual(calls, 4)
  })

  it.live("a listener that throws does not stop the client", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* connectClient
      client.onChange(() => {
        throw new RangeError("a listener's defect")
      })
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      assert.deepStrictEqual((yield* lobby.send({ _tag: "send_message", content: "on" })).seq, 3)
    })).pipe(Effect.provideService(References.MinimumLogLevel, "None")))
})

describe("OutcomeCallbacks", () => {
  it.effect("completes all fibers that wait for an id, once, and forgets interrupted ones", () =>
    Effect.gen(function*() {
      const callbacks = new OutcomeCallbacks<number>()
      const submitted: Array<string> = []
      const awaitOutcome = (id: string) => callbacks.awaitOutcome(id, () => submitted.push(id))
      const start = { startImmediately: true }
      const first = yield* Effect.forkChild(awaitOutcome("a"), start)
      const second = yield* Effect.forkChild(awaitOutcome("a"), start)
      const interrupted = yield* Effect.forkChild(awaitOutcome("a"), start)
      const failing = yield* Effect.forkChild(Effect.flip(awaitOutcome("b")), start)
      yield* Fiber.interrupt(interrupted)
      callbacks.complete("a", Result.succeed(1))
      callbacks.complete("a", Result.succeed(2))
      callbacks.complete("b", Result.fail(errorReason("closed", "The connection was closed.")))
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [1, 1])
      assert.strictEqual((yield* Fiber.join(failing)).reason.code, "closed")
      assert.deepStrictEqual(submitted, ["a", "a", "a", "b"])
    }))

  it.effect("reports an id as abandoned when the last fiber that waits for it is interrupted", () =>
    Effect.gen(function*() {
      const callbacks = new OutcomeCallbacks<number>()
      const abandoned: Array<string> = []
      const waiting = yield* Effect.forEach(["a", "a", "b"], (id) =>
        Effect.forkChild(
          callbacks.awaitOutcome(id, () => {}, () => abandoned.push(id)),
          { startImmediately: true }
        ))
      callbacks.complete("b", Result.succeed(1))
      yield* Fiber.interrupt(waiting[2]!)
      yield* Fiber.interrupt(waiting[0]!)
      assert.deepStrictEqual(abandoned, [])
      yield* Fiber.interrupt(waiting[1]!)
      assert.deepStrictEqual(abandoned, ["a"])
    }))
})

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Client, Keys } from "../../src/client/index.ts"
import { roomKind } from "../../src/domain/room/Room.ts"

describe("ClientRuntime", () => {
  it.effect("[SYN10] retries when the back-off has passed, and stops with its scope", () =>
    Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      let attempts = 0
      const closeRequested = yield* Deferred.make<void>()
      const clientFiber = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(
          Client.make({
            url: "http://choir.test",
            identity,
            kinds: [roomKind],
            connect: () => {
              attempts += 1
              throw new TypeError("no network")
            }
          }),
          Deferred.await(closeRequested)
        )),
        { startImmediately: true }
      )
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust(60_000)
      // Back-off 0.5, 1, 2, 4, 8, 16, 20, … s with full jitter: about ten seconds between later attempts.
      assert.isAtLeast(attempts, 5)
      const attemptsBefore = attempts
      yield* Deferred.succeed(closeRequested, undefined)
      yield* Fiber.join(clientFiber)
      yield* TestClock.adjust(60_000)
      assert.strictEqual(attempts, attemptsBefore)
    }))
})

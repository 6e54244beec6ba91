/** Short scenarios on one shared server. At the end the server must hold no more resources than at the start. */
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { connectInRoom, E2eServer, waitUntilIdle } from "../support/E2eServerFixture.ts"
import * as E2eServerFixture from "../support/E2eServerFixture.ts"
import { authAndAccess } from "./scenarios/AuthAndAccess.ts"
import { badInput } from "./scenarios/BadInput.ts"
import { ephemeralState } from "./scenarios/EphemeralState.ts"
import { orderingAndRecovery } from "./scenarios/OrderingAndRecovery.ts"

let initialCounts: E2eServerFixture.ResourceCounts | undefined

layer(E2eServerFixture.layer, { excludeTestServices: true, timeout: "5 minutes" })("scenarios", (it) => {
  it.effect("the server is idle before the scenarios", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(connectInRoom("room:warm"))
      initialCounts = yield* waitUntilIdle
    }))

  orderingAndRecovery(it)
  badInput(it)
  authAndAccess(it)
  ephemeralState(it)

  it.effect("[ROO8][FLT12] no socket, topic, timer or fiber remains after the scenarios", () =>
    Effect.gen(function*() {
      const { resourceCounts, stderr } = yield* E2eServer
      yield* waitUntilIdle
      const after = yield* Effect.repeat(resourceCounts, {
        until: ({ fibers, timers }) => fibers <= initialCounts!.fibers && timers <= initialCounts!.timers,
        schedule: Schedule.spaced("250 millis"),
        times: 80
      })
      // Fewer is fine: a resource may have been about to be released at the start.
      for (const [what, count] of Object.entries(initialCounts!)) {
        assert.isAtMost(after[what as keyof E2eServerFixture.ResourceCounts], count, what)
      }
      assert.notMatch(stderr(), /defect|level":"ERROR/)
    }))
})

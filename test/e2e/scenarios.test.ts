/** Many small plays on one built server, each of which checks itself; at the end the stage must be as empty as before. */
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { connectInRoom, E2eServer, waitUntilIdle } from "../support/E2eServerFixture.ts"
import * as TheStage from "../support/E2eServerFixture.ts"
import { authAndAccess } from "./scenarios/AuthAndAccess.ts"
import { badInput } from "./scenarios/BadInput.ts"
import { ephemeralState } from "./scenarios/EphemeralState.ts"
import { orderingAndRecovery } from "./scenarios/OrderingAndRecovery.ts"

let initialCounts: TheStage.ResourceCounts | undefined

layer(TheStage.layer, { excludeTestServices: true, timeout: "5 minutes" })("scenarios", (it) => {
  it.effect("[ROO8] the stage is empty before the play", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(connectInRoom("room:warm"))
      initialCounts = yield* waitUntilIdle
    }))

  orderingAndRecovery(it)
  badInput(it)
  authAndAccess(it)
  ephemeralState(it)

  it.effect("[ROO8][CON4] in the end nothing is left of anybody: sockets, topics, timers, fibers", () =>
    Effect.gen(function*() {
      const { resourceCounts, stderr } = yield* E2eServer
      yield* waitUntilIdle
      const after = yield* Effect.repeat(resourceCounts, {
        until: ({ fibers, timers }) => fibers <= initialCounts!.fibers && timers <= initialCounts!.timers,
        schedule: Schedule.spaced("250 millis"),
        times: 80
      })
      // Fewer is well: something may have been on its way out when the play began.
      for (const [what, count] of Object.entries(initialCounts!)) {
        assert.isAtMost(after[what as keyof TheStage.ResourceCounts], count, what)
      }
      assert.notMatch(stderr(), /defect|level":"ERROR/)
    }))
})

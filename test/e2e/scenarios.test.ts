/** Many small plays on one built server, each of which checks itself; at the end the stage must be as empty as before. */
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { empty, inRoom, Stage } from "../support/Stage.ts"
import * as TheStage from "../support/Stage.ts"
import { identity } from "./scenarios/Identity.ts"
import { manners } from "./scenarios/Manners.ts"
import { moment } from "./scenarios/Moment.ts"
import { order } from "./scenarios/Order.ts"

let before: TheStage.Rest | undefined

layer(TheStage.layer, { excludeTestServices: true, timeout: "5 minutes" })("scenarios", (it) => {
  it.effect("[ROO8] the stage is empty before the play", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(inRoom("room:warm"))
      before = yield* empty
    }))

  order(it)
  manners(it)
  identity(it)
  moment(it)

  it.effect("[ROO8][CON4] in the end nothing is left of anybody: sockets, topics, timers, fibers", () =>
    Effect.gen(function*() {
      const { rest, stderr } = yield* Stage
      yield* empty
      const after = yield* Effect.repeat(rest, {
        until: ({ fibers, timers }) => fibers <= before!.fibers && timers <= before!.timers,
        schedule: Schedule.spaced("250 millis"),
        times: 80
      })
      // Fewer is well: something may have been on its way out when the play began.
      for (const [what, count] of Object.entries(before!)) {
        assert.isAtMost(after[what as keyof TheStage.Rest], count, what)
      }
      assert.notMatch(stderr(), /defect|level":"ERROR/)
    }))
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Sequencer } from "../../../src/domain/connection/Sequencer.ts"

/** For each thing in order: whether it is ready at once, or else which of those that wait becomes ready before it. */
const scripts = Arbitrary.array(Arbitrary.schema(Schema.Union([Schema.Literal("now"), Schema.Natural])))

describe("Sequencer", () => {
  it.prop(
    "[CON2] whatever becomes ready when, all happens once and in the order it came",
    { scripts },
    ({ scripts }) => {
      const queue = new Sequencer()
      const executed: Array<number> = []
      const pending: Array<() => void> = []
      scripts.forEach((readiness, n) => {
        if (readiness === "now") return queue.enqueue(() => executed.push(n))
        const complete = queue.reserve()
        pending.push(() => complete(() => executed.push(n)))
        pending.splice(readiness % pending.length, 1)[0]?.()
      })
      for (const complete of pending.toReversed()) complete()
      assert.deepStrictEqual(executed, scripts.map((_, n) => n))
    }
  )
})

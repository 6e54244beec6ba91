import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { InOrder } from "../../../src/domain/connection/InOrder.ts"

/** For each thing in order: whether it is ready at once, or else which of those that wait becomes ready before it. */
const scripts = Arbitrary.array(Arbitrary.schema(Schema.Union([Schema.Literal("now"), Schema.Natural])))

describe("InOrder", () => {
  it.prop(
    "[CON2] whatever becomes ready when, all happens once and in the order it came",
    { scripts },
    ({ scripts }) => {
      const queue = new InOrder()
      const happened: Array<number> = []
      const waiting: Array<() => void> = []
      scripts.forEach((how, n) => {
        if (how === "now") return queue.after(() => happened.push(n))
        const turn = queue.enter()
        waiting.push(() => turn(() => happened.push(n)))
        waiting.splice(how % waiting.length, 1)[0]?.()
      })
      for (const ready of waiting.toReversed()) ready()
      assert.deepStrictEqual(happened, scripts.map((_, n) => n))
    }
  )
})

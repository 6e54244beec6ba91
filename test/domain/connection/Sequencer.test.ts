import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Sequencer from "../../../src/domain/connection/Sequencer.ts"

/** When each request becomes ready: at once, or later, as a number that picks one of those that are pending. */
const scripts = Arbitrary.array(Arbitrary.schema(Schema.Union([Schema.Literal("now"), Schema.Natural])), {
  maxLength: 30
})

/** Takes every action that is ready. */
const takeAll = <A>(
  sequencer: Sequencer.Sequencer<A>
): readonly [taken: ReadonlyArray<A>, rest: Sequencer.Sequencer<A>] => {
  const next = Sequencer.takeReady(sequencer)
  if (next === undefined) return [[], sequencer]
  const [taken, rest] = takeAll(next.rest)
  return [[next.action, ...taken], rest]
}

describe("Sequencer", () => {
  it.prop("[CON2] actions are taken once each, in the order of their requests", { scripts }, ({ scripts }) => {
    let sequencer: Sequencer.Sequencer<number> = Sequencer.empty
    const taken: Array<number> = []
    const pending: Array<{ readonly place: number; readonly action: number }> = []
    const completeAt = (index: number) => {
      const [entry] = pending.splice(index, 1)
      if (entry !== undefined) sequencer = Sequencer.complete(sequencer, entry.place, entry.action)
    }
    const take = () => {
      const [actions, rest] = takeAll(sequencer)
      taken.push(...actions)
      sequencer = rest
    }
    scripts.forEach((readiness, action) => {
      if (readiness === "now") sequencer = Sequencer.enqueue(sequencer, action)
      else {
        pending.push({ place: Sequencer.nextPlace(sequencer), action })
        sequencer = Sequencer.reserve(sequencer)
        completeAt(readiness % pending.length)
      }
      take()
      // Nothing is taken ahead of a request that is still pending.
      assert.isTrue(pending.every((entry) => taken.every((done) => done < entry.action)))
    })
    while (pending.length > 0) completeAt(pending.length - 1)
    take()
    assert.deepStrictEqual(taken, scripts.map((_, action) => action))
    assert.isTrue(Sequencer.isEmpty(sequencer))
  })
})

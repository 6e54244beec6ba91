/** The bytes that all peers together have not read (CON8, SEC27). */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as OutboundBudget from "../../../src/layers/delivery/OutboundBudget.ts"
import type { EncodedJson } from "../../../src/services/OutboundFrame.ts"

const values: ReadonlyArray<EncodedJson> = [10, 20, 30].map((length) => ({ chunks: [Buffer.alloc(length)], length }))

/** Receivers by number; closing one releases what it holds. */
const makeReceivers = (closed: Array<number>, count = 4) =>
  Array.from({ length: count }, (_, n) => ({ closeAsSlow: () => void closed.push(n) }))

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const updates = Arbitrary.array(
  Arbitrary.schema(Schema.Struct({
    receiver: between(0, 3),
    copiedBytes: between(0, 40),
    shared: Schema.Array(between(0, 2)).check(Schema.isMaxLength(3))
  })),
  { maxLength: 40 }
)

describe("the budget of unread bytes", () => {
  it("[CON8] [SEC27] beyond it, those are closed that have been slow for longest, until the rest fits", () => {
    const closed: Array<number> = []
    const budget = OutboundBudget.make({ outboxTotal: 100 })
    const receivers = makeReceivers(closed)
    const update = (n: number, copiedBytes: number) => budget.update(receivers[n]!, { copiedBytes, shared: [] })
    update(0, 40)
    update(1, 40)
    // Still slow, and for as long as before.
    update(0, 20)
    update(2, 40)
    assert.deepStrictEqual(closed, [])
    update(3, 41)
    assert.deepStrictEqual(closed, [0, 1])
    assert.strictEqual(budget.pendingBytes(), 81)
  })

  it("[CON8] a single message may be larger than the budget", () => {
    const closed: Array<number> = []
    const budget = OutboundBudget.make({ outboxTotal: 5 })
    const [one, other] = makeReceivers(closed)
    budget.update(one!, { copiedBytes: 0, shared: [values[0]!] })
    budget.update(other!, { copiedBytes: 0, shared: [values[1]!] })
    assert.deepStrictEqual(closed, [0])
    assert.strictEqual(budget.pendingBytes(), 20)
  })

  it.prop(
    "[CON8] [SEC27] counts copies for each receiver and shared values once, and is kept",
    { updates },
    ({ updates }) => {
      const closed: Array<number> = []
      const budget = OutboundBudget.make({ outboxTotal: 100 })
      const receivers = makeReceivers(closed)
      const unread = new Map<number, { readonly copiedBytes: number; readonly shared: ReadonlyArray<EncodedJson> }>()
      for (const { copiedBytes, receiver, shared } of updates) {
        const update = { copiedBytes, shared: shared.map((n) => values[n]!) }
        budget.update(receivers[receiver]!, update)
        unread.set(receiver, update)
        for (const n of closed.splice(0)) unread.delete(n)
        const all = [...unread.values()]
        const sharedBytes = [...new Set(all.flatMap((one) => one.shared))].reduce((sum, { length }) => sum + length, 0)
        const expected = all.reduce((sum, one) => sum + one.copiedBytes, sharedBytes)
        assert.strictEqual(budget.pendingBytes(), expected)
        assert.isAtMost(expected, 100)
      }
      for (const receiver of receivers) budget.release(receiver)
      assert.strictEqual(budget.pendingBytes(), 0)
    }
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { formatEventId, isStreamOverLimit, parseEventId } from "../../../src/domain/delivery/EventStream.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

describe("EventStream", () => {
  it.prop(
    "[SYN13] Last-Event-ID is the position of the event that had this id",
    {
      epoch: Arbitrary.schema(Schema.String.check(Schema.isPattern(/^[\w-]{1,64}$/))),
      seq: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999_999_999 })))
    },
    ({ epoch, seq }) => assert.deepStrictEqual(parseEventId(formatEventId({ epoch, seq })), { epoch, seq })
  )

  it("[SYN13] any other Last-Event-ID is no position", () => {
    const texts = ["", "1", "a.", ".1", "a.b", "a.1.2", "a.-1", "a b.1", `a.${"9".repeat(16)}`, `${"a".repeat(65)}.1`]
    for (const text of [undefined, ...texts]) assert.isUndefined(parseEventId(text), text)
  })

  it("[SYN13] [CON8] a slow stream ends above the limit; its first text may be larger", () => {
    const { outboxMax } = defaults
    assert.isFalse(isStreamOverLimit(outboxMax, 1, defaults))
    assert.isTrue(isStreamOverLimit(outboxMax + 1, 1, defaults))
    assert.isFalse(isStreamOverLimit(10 * outboxMax, 10 * outboxMax, defaults))
    assert.isTrue(isStreamOverLimit(10 * outboxMax + 1, 1, defaults))
  })
})

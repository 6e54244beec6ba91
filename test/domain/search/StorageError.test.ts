import { assert, it } from "@effect/vitest"
import { InvalidVector } from "../../../src/domain/search/StorageError.ts"

it.each(
  [
    [null, "dimension", "the query's vector has the wrong dimension"],
    [null, "zero", "the query's vector is zero"],
    ["p", "not_finite", "the point p's vector is not finite"]
  ] as const
)("[STO8] whose vector is invalid, and why: %s, %s", (id, fault, message) => {
  assert.strictEqual(new InvalidVector({ id, fault }).message, message)
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { hasLossyNumber } from "../../../src/domain/connection/LossyNumbers.ts"

describe("hasLossyNumber", () => {
  it.each([
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567.5",
    "1e-400",
    "4e-324",
    "0.30000000000000002",
    "12345678901234567890123",
    `1.${"1".repeat(120)}`,
    "9007199254740993e0"
  ])("[SEC17] %s would be changed, wherever it is", (number) => {
    for (
      const json of [`[${number}]`, `{"a":${number}}`, `{"a": ${number} }`, `[1,\n${number}]`, `["1e-400",${number}]`]
    ) {
      assert.isTrue(hasLossyNumber(json), json)
    }
  })

  it.each([
    "0",
    "-0.000",
    "0e0",
    "1e2",
    "1E+2",
    "1e21",
    "1.50e-3",
    "1000000000000000000000",
    "9007199254740992",
    "123456789012345680000",
    "5e-324",
    "1.7976931348623157e308",
    "0.10000000000000001",
    "0.1000000000000000055511151231257827021181583404541015625"
  ])("[SEC17] %s is read as it is", (number) => {
    for (const json of [`[${number}]`, `{"a":${number}}`]) assert.isFalse(hasLossyNumber(json), json)
  })

  it("[SEC17] what stands in a string is no number", () => {
    for (const text of ["9007199254740993", ":1e-400", "\",9007199254740993,\"", "\\", "\\\":1e-400"]) {
      assert.isFalse(hasLossyNumber(JSON.stringify({ text, [text]: [text, 1] })), text)
    }
  })

  it.prop(
    "[SEC17] everything that a JavaScript client writes is read as it is",
    { value: Arbitrary.schema(Schema.Json), number: Arbitrary.schema(Schema.Finite) },
    ({ number, value }) => {
      for (
        const json of [JSON.stringify(value), JSON.stringify([number, 1 / number, number ** 3].filter(Number.isFinite))]
      ) {
        assert.isFalse(hasLossyNumber(json), json)
      }
    },
    { arbitrary: { runs: 2_000 } }
  )
})

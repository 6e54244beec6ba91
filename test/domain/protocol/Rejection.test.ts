import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Rejection from "../../../src/domain/protocol/Rejection.ts"

describe("Rejection", () => {
  it("[SEC22] the error codes form a closed set", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(Rejection.ErrorCode.literals, [
      "malformed",
      "unknown_type",
      "too_large",
      "unauthenticated",
      "auth_failed",
      "not_found",
      "forbidden",
      "rule_violated",
      "insufficient_funds",
      "id_conflict",
      "rate_limited",
      "over_budget",
      "unavailable",
      "state_desync",
      "internal"
    ])
    const rejection = Rejection.makeRejection("internal", "SEC22", "the server failed; nothing was changed")
    assert.isTrue(Schema.is(Rejection.Rejection)(rejection))
    assert.isFalse(Schema.is(Rejection.Rejection)({ ...rejection, code: "SQLITE_BUSY" }))
  })

  it("[CON4] only codes of temporary failures are retryable", () => {
    assert.deepStrictEqual(Rejection.ErrorCode.literals.filter(Rejection.isRetryable), [
      "rate_limited",
      "over_budget",
      "unavailable",
      "internal"
    ])
  })

  it("[AUT4] a topic that does not exist and one that may not be read have one rejection", () => {
    assert.deepInclude(Rejection.notFound, { code: "not_found", rule: "AUT4" })
    assert.match(Rejection.notFound.message, /does not exist, or you may not read it/)
  })
})

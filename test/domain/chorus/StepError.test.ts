import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { ErrorState } from "../../../src/domain/chorus/ChorusModel.ts"
import { MalformedModelOutput } from "../../../src/domain/chorus/ChorusParse.ts"
import * as StepError from "../../../src/domain/chorus/StepError.ts"

/** A failure of a model, the error it is, and whether the step is retried. */
const table = [
  ["NetworkError", "NetworkError", true],
  ["RateLimitError", "AIError", true],
  ["InternalProviderError", "AIError", true],
  ["InvalidOutputError", "AIError", true],
  ["StructuredOutputError", "AIError", true],
  ["QuotaExhaustedError", "AIError", false],
  ["AuthenticationError", "AIError", false],
  ["InvalidRequestError", "AIError", false],
  ["ContentPolicyError", "AIError", false],
  ["UnknownError", "AIError", false],
  ["a kind that does not exist", "AIError", false],
  ["constructor", "AIError", false]
] as const

describe("StepError", () => {
  it.each(table)("[FLT17] %s is %s, retryable: %s", (kind, tag, retryable) => {
    const error = StepError.fromModelFailure(kind)
    assert.deepStrictEqual([error._tag, error.retryable], [tag, retryable])
    assert.notInclude(error.message, kind)
  })

  it("[FLT17] a provider's Retry-After is part of the error", () => {
    assert.strictEqual(StepError.fromModelFailure("RateLimitError", 7_000).retry_after_ms, 7_000)
    assert.isUndefined(StepError.fromModelFailure("RateLimitError").retry_after_ms)
  })

  it.prop(
    "[CHO6] an error can be made with any Retry-After, and a run can record it",
    // @effect-diagnostics-next-line schemaNumber:off - what a header says may be any number
    { retryAfter: Arbitrary.schema(Schema.Number) },
    ({ retryAfter }) => {
      for (const millis of [retryAfter, -retryAfter, 1 / retryAfter]) {
        const state = StepError.toErrorState(StepError.fromModelFailure("RateLimitError", millis))
        assert.isTrue(Schema.is(ErrorState)(state), String(millis))
      }
    }
  )

  it("[FLT17] a wait above a day is ignored, and a part of a millisecond is waited for", () => {
    const day = 24 * 60 * 60_000
    for (const [retryAfter, waited] of [[day, day], [day + 1, undefined], [Infinity, undefined], [0.4, 1]] as const) {
      assert.strictEqual(StepError.fromModelFailure("RateLimitError", retryAfter).retry_after_ms, waited)
    }
  })

  it("[SEC32] an answer that cannot be read is a retryable AIError", () => {
    const error = StepError.fromMalformedOutput(new MalformedModelOutput({ fault: "broken JSON" }))
    assert.deepStrictEqual([error._tag, error.retryable], ["AIError", true])
  })

  it("[CHO6] a run records an error as plain data of the same tag, message and fields", () => {
    const errors = [
      StepError.fromModelFailure("NetworkError"),
      StepError.fromModelFailure("RateLimitError", 5),
      StepError.missingStepOutput("action")
    ]
    for (const error of errors) {
      const state = StepError.toErrorState(error)
      assert.strictEqual(Object.getPrototypeOf(state), Object.prototype)
      assert.deepStrictEqual(Schema.decodeUnknownSync(ErrorState)(JSON.parse(JSON.stringify(state))), state)
      assert.deepStrictEqual([state._tag, state.message, state.retryable], [error._tag, error.message, error.retryable])
    }
    assert.deepStrictEqual(Object.keys(StepError.toErrorState(errors[0]!)), ["_tag", "message", "retryable"])
  })
})

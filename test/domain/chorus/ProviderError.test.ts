import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ProviderError from "../../../src/domain/chorus/ProviderError.ts"

describe("ProviderError: words", () => {
  it.each([
    [
      { error: { message: "no such model", type: "invalid_request_error", param: null, code: "model_not_found" } },
      undefined
    ],
    [{ error: "no such model" }, undefined],
    [{ error: { message: "no such model", code: 404, status: "NOT_FOUND" } }, 404],
    [[{ error: { message: "no such model", code: 404, status: "NOT_FOUND" } }], 404],
    [{ object: "error", message: "no such model", type: "NotFoundError", param: null, code: 404 }, 404],
    [{ message: "no such model", type: "invalid_model", code: "1500" }, undefined],
    [{ error: { message: "no such model", code: 599 } }, 599],
    [{ error: { message: "no such model", code: 600, status: 404 } }, 404],
    [{ error: { message: "no such model", code: 99, status: 100 } }, 100],
    [{ detail: "no such model" }, undefined],
    [{ detail: [{ loc: ["body", "model"], msg: "no such model", type: "value_error" }] }, undefined],
    [{ object: "error", message: { detail: [{ msg: "no such model" }] } }, undefined]
  ])("[FLT17] the provider's words are found in %j", (body, status) => {
    const error = ProviderError.readError(body)
    assert.deepStrictEqual([error?.message, error?.status], ["no such model", status])
  })

  it.each([[null], ["text"], [{}], [[]], [{ error: null }], [{ detail: [] }], [{ choices: [] }]])(
    "there are none in %j",
    (body) => {
      assert.isUndefined(ProviderError.readError(body))
    }
  )
})

describe("ProviderError: waits", () => {
  const date = "Fri, 27 Nov 2026 20:00:00 GMT"
  const waits: ReadonlyArray<readonly [Record<string, string>, string, number | undefined]> = [
    [{ "retry-after": "7" }, "", 7_000],
    [{ "retry-after": "0.5" }, "", 500],
    [{ "retry-after-ms": "250", "retry-after": "7" }, "", 250],
    [{ "retry-after": "Fri, 27 Nov 2026 20:00:38 GMT", date }, "", 38_000],
    [
      {},
      `[{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"38s"}]}}]`,
      38_000
    ],
    [{}, `{"retryDelay": "0.847655010s"}`, 847.65501],
    [{}, "Please retry in 38.5s.", 38_500],
    [{}, "Please try again in 6m0s.", 360_000],
    [{}, "Please try again in 20ms. Visit our page to learn more.", 20],
    [{}, "Try again in 5 seconds, or retry in 9s", 5_000],
    [{}, "try again in 1h2m3s", 3_723_000],
    [{}, "try again in 1H 2 Minutes 30millis", 3_720_030],
    [{ "retry-after": "86400" }, "", 86_400_000],
    [{ "retry-after": "86401" }, "", undefined],
    // A date without the answer's own is not compared with another clock.
    [{ "retry-after": "Fri, 27 Nov 2026 20:00:38 GMT" }, "", undefined],
    [{ "retry-after": "Fri, 27 Nov 2026 19:00:00 GMT", date }, "", undefined],
    [{ "retry-after": "1e999" }, "", undefined],
    [{ "retry-after": "1764273600000" }, "", undefined],
    [{ "retry-after": "-1" }, "", undefined],
    [{ "retry-after": "4, 4" }, "retry in 3s", 3_000],
    [{ "retry-after": "1e999" }, "", undefined],
    [{}, "retry in a while", undefined],
    [{}, "", undefined]
  ]
  it.each(waits)("[FLT17] %j and %j ask for %s ms", (headers, body, expected) => {
    assert.strictEqual(ProviderError.readRetryAfter(headers, body), expected)
  })

  it.prop("[FLT17] whatever a provider sends, the wait is none, or a positive one of at most a day", {
    header: Schema.Union([Schema.String, Schema.FiniteFromString.pipe(Schema.toEncoded)]),
    body: Schema.String
  }, ({ body, header }) => {
    for (const text of [body, `retry in ${header}s`, `"retryDelay":"${header}s"`]) {
      const wait = ProviderError.readRetryAfter({ "retry-after": header, "retry-after-ms": body, date: header }, text)
      assert.isTrue(wait === undefined || wait > 0 && wait <= 86_400_000)
    }
  })
})

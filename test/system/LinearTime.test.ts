/** Whatever reads text of users takes steps linear in its length (SEC20). */
import { assertLinear } from "../support/StepCount.ts" // First: it starts the counting.

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import * as FrameDecoder from "../../src/domain/connection/FrameDecoder.ts"
import * as Ids from "../../src/domain/protocol/Ids.ts"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import { allMessages } from "../support/AllMessages.ts"
import { runAllSteps } from "../support/ExtractiveRun.ts"
import { asker, makePrior } from "../support/RunFixture.ts"

const repeatTo = (part: string, length: number) => part.repeat(Math.ceil(length / part.length))

describe("the count of steps", () => {
  it("[SEC20] tells a quadratic function from a linear one", () => {
    const visitPairs = (length: number) => {
      let pairs = 0
      for (let i = 0; i < length; i++) {
        for (let j = 0; j < i; j++) pairs += 1
      }
      return pairs
    }
    assert.throws(() => assertLinear(visitPairs, 1_000))
    assertLinear((length) => repeatTo("a", length).split("").map((letter) => letter.charCodeAt(0)), 1_000)
  })
})

describe("steps", () => {
  const isUserId = Schema.is(Ids.UserId)
  const isTopicId = Schema.is(Ids.TopicId)
  it.each(["a", "a:", "-", "A-", "~~:", "_".repeat(43)])(
    "[SEC20] to check an id of %j are linear",
    (part) =>
      assertLinear((length) => {
        const text = repeatTo(part, length)
        assert.isFalse(isUserId(text) || isTopicId(text))
      }, 32_768)
  )

  const decode = FrameDecoder.makeDecoder(builtInKinds, defaults)
  const id = "8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001"
  const envelope = (type: string, payload: unknown, thread_id?: string) =>
    JSON.stringify({ id, type, payload, timestamp: 0, thread_id })
  /** Every field of every message, one at a time, with "?" in it. */
  const templates = allMessages.flatMap(([type, payload, topic]) =>
    Object.keys(payload).map((field) => envelope(type, { ...payload, [field]: "?" }, topic)).concat(
      envelope(type, payload, "?"),
      envelope("?", payload, topic)
    )
  ).concat(
    envelope("connect", { public_key: "?" }),
    envelope("auth", { signature: "?" }),
    envelope("resume", { session_token: "?" }),
    "?"
  )
  it.each(["a", "=", "-", "A-", "[", "\\\\", "\\u0000", " ", "\u00e9", "0", "../", "a:", "%2e"])(
    "[SEC20] to decode %j in any field are linear",
    (part) =>
      assertLinear((length) => {
        const text = repeatTo(part, length)
        for (const template of templates) decode(template.replace("?", () => text))
      }, 15_000)
  )

  it.each([" ", "a. ", "<", "#", "-", "a-", "```\n", "A", "\n"])(
    "[SEC20] of a run over a question, a prior and a message of %j are linear",
    (part) =>
      assertLinear((length) => {
        const content = repeatTo(part, length)
        runAllSteps(content, [makePrior("x", content)], [{ author: asker, content }])
      }, 16_384)
  )
})

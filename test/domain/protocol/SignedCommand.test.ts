import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as SignedCommand from "../../../src/domain/protocol/SignedCommand.ts"

const id = CommandId.make("8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001")
const topic = TopicId.make("thread:a")
const json = Arbitrary.schema(Schema.Json).pipe(
  Arbitrary.map((value) => JSON.parse(JSON.stringify(value)) as Schema.Json)
)

describe("SignedCommand", () => {
  it("[AUT5] the signing input has one line per field, and the payload last, as canonical JSON", () => {
    const command = {
      _tag: "submit_message",
      stake: 1000,
      content: "a\nb \u20ac",
      "10": [1, { z: null, a: true }],
      "9": ""
    }
    assert.strictEqual(
      SignedCommand.signingInput(id, { topic, timestamp: 12, command }),
      [
        "choir/command/v1",
        id,
        "submit_message",
        "thread:a",
        "12",
        `{"10":[1,{"a":true,"z":null}],"9":"","content":"a\\nb \u20ac","stake":1000}`
      ].join("\n")
    )
  })

  it.prop("[AUT5] canonical JSON parses to the same value, is one line, and is stable", { json }, ({ json }) => {
    const text = SignedCommand.canonicalJson(json)
    assert.deepStrictEqual<unknown>(JSON.parse(text), json)
    assert.notInclude(text, "\n")
    assert.strictEqual(SignedCommand.canonicalJson(JSON.parse(text)), text)
  })
})

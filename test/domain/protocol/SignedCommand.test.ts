import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { canonicalJson } from "../../../src/domain/protocol/CanonicalJson.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as SignedCommand from "../../../src/domain/protocol/SignedCommand.ts"
import { eraseTexts } from "../../../src/domain/topic/SealedText.ts"
import { sealed } from "../../support/SealedFixture.ts"

const id = CommandId.make("8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001")
const topic = TopicId.make("thread:a")
const audience = "https://choir.example"

describe("SignedCommand", () => {
  it("[AUT5] the signing input names what it is, and has the command's fields as canonical JSON", () => {
    const command = { _tag: "submit_message", stake: 1000, "10": [1, { z: null, a: true }], "9": "" }
    assert.strictEqual(
      SignedCommand.signingInput(id, { audience, topic, timestamp: 12, command }),
      "choir/statement/1\ncommand\n" +
        `{"audience":"https://choir.example",` +
        `"command":{"10":[1,{"a":true,"z":null}],"9":"","_tag":"submit_message","stake":1000},` +
        `"id":"8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001","timestamp":12,"topic":"thread:a"}`
    )
  })

  it("[AUT5] [TOP10] a text is signed as its seal, so that the signature stays valid when it is erased", () => {
    const content = sealed("hello")
    const inputFor = (content: unknown) =>
      SignedCommand.signingInput(id, { audience, topic, timestamp: 1, command: { _tag: "submit_message", content } })
    assert.include(inputFor(content), `"content":{"c":"${content.c}","n":5}`)
    assert.strictEqual(inputFor(eraseTexts(content, new Set([content.c]))), inputFor(content))
  })

  const Fields = Schema.Struct({ ...SignedCommand.SignedCommand.fields, id: CommandId })
  it.prop(
    "[AUT5] each field changes the signing input, which has three lines",
    { a: Arbitrary.schema(Fields), b: Arbitrary.schema(Fields) },
    ({ a, b }) => {
      const inputFor = ({ id, ...fields }: typeof Fields.Type) => SignedCommand.signingInput(id, fields)
      assert.lengthOf(inputFor(a).split("\n"), 3)
      for (const field of ["audience", "command", "id", "owner", "timestamp", "topic"] as const) {
        const changed = { ...a, [field]: b[field] }
        const isEqual = canonicalJson({ [field]: a[field] }) === canonicalJson({ [field]: b[field] })
        assert.strictEqual(inputFor(changed) === inputFor(a), isEqual)
      }
    }
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { readObjects } from "../../../src/domain/chorus/LenientJson.ts"

const objects = Arbitrary.schema(Schema.Record(Schema.String, Schema.Json))

describe("readObjects", () => {
  it.prop("[SEC32] an object is read as it was written, within any prose that has no brace", {
    object: objects,
    before: Schema.String,
    after: Schema.String
  }, ({ after, before, object }) => {
    const prose = (text: string) => text.replaceAll(/["{}[\]]/g, "")
    const json = JSON.stringify(object)
    const [first] = readObjects(`${prose(before)} ${json} ${prose(after)}`)
    assert.deepStrictEqual(first, JSON.parse(json))
  })

  it.prop("[SEC32] trailing commas, Python's literals and missing brackets at the end change nothing", {
    object: objects
  }, ({ object }) => {
    const json = JSON.stringify({ object, list: [object, true, false, null], text: "True, {None]}" })
    const python = json.replace(",true,false,null]", ",True,False,None,]")
    for (const text of [`${json.slice(0, -1)},}`, python, json.slice(0, -1), `${json.slice(0, -1)} ,\n`]) {
      assert.deepStrictEqual([...readObjects(text)][0], JSON.parse(json), text)
    }
  })

  it("[SEC32] an object that ends within a key, a string, a number or a value is not read", () => {
    for (const text of [`{"a`, `{"a": "b`, `{"a": 12`, `{"a": 1.`, `{"a": tr`, `{"a":`, `{"a": [1, 2}`, `{"a": 1]`]) {
      assert.deepStrictEqual([...readObjects(text)], [], text)
    }
    assert.deepStrictEqual([...readObjects(`{"a": [1, {"b": 2 }`)], [{ a: [1, { b: 2 }] }, { b: 2 }])
  })

  it("[SEC20] at most 32 braces are tried", () => {
    const isFound = (braces: number) =>
      [...readObjects(`${"{ ".repeat(braces)} {"a": true}`)].some((object) => Object.hasOwn(object as object, "a"))
    assert.deepStrictEqual([30, 31, 32].map(isFound), [true, true, false])
  })
})

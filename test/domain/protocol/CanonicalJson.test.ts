import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { canonicalJson } from "../../../src/domain/protocol/CanonicalJson.ts"
import { SealedText } from "../../../src/domain/topic/SealedText.ts"

type Json = Schema.Json

const json = Arbitrary.schema(Schema.Json)

/** The same value, each object's fields in the reverse order. */
const reversed = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(reversed)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).toReversed().map(([key, field]) => [key, reversed(field)]))
    : value

/** The number with these 64 bits. */
const numberOf = (bits: string): number => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${bits}`))
  return view.getFloat64(0)
}

describe("canonicalJson", () => {
  it("[TOP5] encodes the example of RFC 8785, section 3.2.2", () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    assert.strictEqual(
      canonicalJson(JSON.parse(input)),
      `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
        String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`
    )
  })

  it("[TOP5] sorts keys by their UTF-16 units, as RFC 8785, section 3.2.3 does", () => {
    const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"]
    for (
      const keys of [
        sorted,
        sorted.toReversed(),
        sorted.toSorted((a, b) => a.charCodeAt(0) % 7 - b.charCodeAt(0) % 7)
      ]
    ) {
      assert.strictEqual(
        canonicalJson(Object.fromEntries(keys.map((key) => [key, key.length]))),
        `{${sorted.map((key) => `${JSON.stringify(key)}:${key.length}`).join()}}`
      )
    }
  })

  it("[TOP5] sorts keys that JavaScript takes for indices as texts, also in objects within others", () => {
    const value = { "9": 1, "10": { "2": 1, "1": 2, a: 3 }, "": 0 }
    assert.strictEqual(canonicalJson(value), `{"":0,"10":{"1":2,"2":1,"a":3},"9":1}`)
    assert.strictEqual(canonicalJson({ a: [value] }), `{"a":[${canonicalJson(value)}]}`)
  })

  it.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"]
  ])("[TOP5] writes the number %s as %s, as RFC 8785, appendix B does", (bits, text) => {
    assert.strictEqual(canonicalJson([numberOf(bits)]), `[${text}]`)
    assert.strictEqual(canonicalJson({ b: numberOf(bits), a: 1 }), `{"a":1,"b":${text}}`)
  })

  it("[TOP5] leaves out undefined fields, and writes a text as its seal", () => {
    const text = new SealedText("x", 1, "y", "z")
    assert.strictEqual(canonicalJson({ b: undefined, a: text }), `{"a":{"c":"x","n":1}}`)
    assert.strictEqual(canonicalJson({ a: undefined, b: [text] }), `{"b":[{"c":"x","n":1}]}`)
    assert.strictEqual(canonicalJson(text), `{"c":"x","n":1}`)
  })

  it.prop(
    "[TOP5] [AUT5] is one line of JSON of the same value, whatever the order of its keys",
    { json },
    ({ json }) => {
      const text = canonicalJson(json)
      assert.notInclude(text, "\n")
      assert.deepStrictEqual<Json>(JSON.parse(text), JSON.parse(JSON.stringify(json)))
      assert.strictEqual(canonicalJson(reversed(json)), text)
      assert.strictEqual(canonicalJson(JSON.parse(text)), text)
    }
  )
})

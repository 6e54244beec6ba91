import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Equal, Option, Schema } from "effect"
import { sameContent } from "../../src/react/sameContent.ts"

const json = Arbitrary.schema(Schema.Json)

describe("sameContent", () => {
  it.prop("agrees with Equal.equals about data", { self: json, that: json }, ({ self, that }) => {
    assert.strictEqual(sameContent(self, that), Equal.equals(self, that))
    assert.isTrue(sameContent(self, structuredClone(self)))
    assert.isTrue(sameContent(new Map([["key", self]]), new Map([["key", structuredClone(self)]])))
    assert.strictEqual(
      sameContent(new Map([["key", self]]), new Map([["key", that]])),
      Equal.equals(self, that)
    )
  })

  it("compares what has an equality of its own by that, and other objects by identity", () => {
    assert.isTrue(sameContent({ at: Option.some(1) }, { at: Option.some(1) }))
    assert.isFalse(sameContent([Option.some(1)], [Option.none()]))
    assert.isFalse(sameContent({ call: () => 1 }, { call: () => 1 }))
    assert.isFalse(sameContent({ a: undefined }, { b: undefined }))
    assert.isFalse(sameContent(new Map([["a", 1]]), new Map([["b", 1]])))
    assert.isFalse(sameContent(new Map(), {}))
    assert.isFalse(sameContent([], {}))
    assert.isFalse(sameContent(null, {}))
  })

  it("does not look into a part that both values share, and remembers nothing of a value that changes later", () => {
    const shared = {
      get unreadable(): never {
        throw new Error("a shared part was read")
      }
    }
    assert.isTrue(sameContent([shared, 1], [shared, 1]))
    assert.isFalse(sameContent([shared, 1], [shared, 2]))
    const list = [1]
    assert.isTrue(sameContent(list, [1]))
    list.push(2)
    assert.isFalse(sameContent(list, [1]))
  })
})

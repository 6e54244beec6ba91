import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Hash } from "../../../src/domain/protocol/Hash.ts"
import { commitment, deriveSalt, Opening, Openings, opens, Salt, Seal } from "../../../src/domain/protocol/Seal.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"

const salt = "s".repeat(22)
const sealOf = ([salt, text]: Opening): Seal => ({ c: commitment(sha256, salt, text), n: text.length })
const opening = Arbitrary.schema(Opening)

describe("openings", () => {
  const isRecord = Schema.is(Schema.Record(Hash, Opening))
  const isHash = Schema.is(Hash)
  const key = Arbitrary.schema(Schema.Union([Hash, Schema.String]))
  const value = Arbitrary.schema(Schema.Union([Opening, Schema.Tuple([Schema.String, Schema.String]), Schema.Json]))

  it.prop(
    "[TOP10] are records of openings, under nothing but commitments",
    { key, value, others: Openings },
    ({ key, value, others }) => {
      assert.isTrue(isRecord(others))
      for (const candidate of [{ ...others, [key]: value }, [], [value], value]) {
        // A record's own schema ignores other keys.
        assert.strictEqual(Schema.is(Openings)(candidate), isRecord(candidate) && Object.keys(candidate).every(isHash))
      }
    }
  )
})

describe("a seal", () => {
  it("[TOP10] has a commitment and salts that never change, so that old texts can be opened", () => {
    assert.strictEqual(commitment((text) => text, salt, "a\nb"), `choir/text/1\n${salt}\na\nb`)
    assert.strictEqual(deriveSalt((text) => text, "key", "/content"), "choir/salt/1\nkey\n/content".slice(0, 22))
    assert.strictEqual(commitment(sha256, salt, "hello"), "S5EdYk4oG9RLEHGEvL3UkSW_ijgGosIvdB_Go0a8W3Q")
    assert.strictEqual(deriveSalt(sha256, salt, "/content"), "LocBZ92E9VsxAF9tVveAfS")
  })

  it.prop(
    "[TOP10] is opened by its own salt and text, and by no other ones",
    { a: opening, b: opening },
    ({ a, b }) => {
      assert.isTrue(opens(sha256, a, sealOf(a)))
      assert.strictEqual(opens(sha256, b, sealOf(a)), a[0] === b[0] && a[1] === b[1])
      assert.isFalse(opens(sha256, [a[0], `${a[1]} `], sealOf(a)))
      assert.isFalse(opens(sha256, a, { ...sealOf(a), n: a[1].length + 1 }))
    }
  )

  it("[TOP10] is not opened by a salt that takes a part of the text", () => {
    const seal = sealOf([salt, "a\nb"])
    const shifted: Opening = [`${salt}\na`, "b"]
    assert.strictEqual(commitment(sha256, ...shifted), seal.c)
    assert.isFalse(opens(sha256, shifted, seal))
  })

  it.prop(
    "[TOP10] has a salt of its own for each place in each command",
    { a: Schema.Tuple([Salt, Schema.String]), b: Schema.Tuple([Salt, Schema.String]) },
    ({ a, b }) => {
      const salts = [deriveSalt(sha256, ...a), deriveSalt(sha256, ...b)]
      for (const salt of salts) assert.isTrue(Schema.is(Salt)(salt))
      assert.strictEqual(salts[0] === salts[1], a[0] === b[0] && a[1] === b[1])
    }
  )

  it("[TOP10] and its opening are refused in any other form", () => {
    const [c, n] = [sha256(""), 3]
    assert.isTrue(Schema.is(Seal)({ c, n }))
    for (const seal of [{ c: "", n }, { c: `${c}=`, n }, { c, n: -1 }, { c, n: 0.5 }, { c }]) {
      assert.isFalse(Schema.is(Seal)(seal))
    }
    assert.isTrue(Schema.is(Opening)([salt, ""]))
    for (const other of [["", "t"], [`${salt}s`, "t"], [`${salt.slice(1)}\n`, "t"], [salt], [salt, 1]]) {
      assert.isFalse(Schema.is(Opening)(other))
    }
  })
})

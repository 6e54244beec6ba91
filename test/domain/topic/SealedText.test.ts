import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, HashMap, Schema } from "effect"
import { canonicalJson } from "../../../src/domain/protocol/CanonicalJson.ts"
import { deriveSalt, opens } from "../../../src/domain/protocol/Seal.ts"
import { hashState } from "../../../src/domain/protocol/StateHash.ts"
import {
  commitTexts,
  empty,
  eraseTexts,
  openingsOf,
  openTexts,
  plain,
  SealedText,
  stored,
  textsIn,
  write,
  written,
  writtenJson
} from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { sealed, testSalt } from "../../support/SealedFixture.ts"

/** A value with texts in fields, arrays and unions, for one schema of texts. */
const makeNote = <T, E>(Text: Schema.Codec<T, E>) =>
  Schema.Struct({
    title: Text,
    subtitle: Schema.optionalKey(Text),
    lines: Schema.Array(Schema.Union([Schema.Struct({ text: Text }), Schema.Null, Schema.Natural])),
    count: Schema.Natural
  })
const Written = makeNote(written(Schema.String))
const Stored = makeNote(stored)
const commit = <T>(value: T) => commitTexts(value, () => testSalt, sha256)
const encoded = Arbitrary.schema(Schema.toEncoded(Written))
const toNote = (input: typeof Written.Encoded) => commit(Schema.decodeSync(Written)(input))
const toLog = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
const allIn = (value: unknown) => new Set(textsIn(value).map(({ text }) => text.c))

describe("texts in the log", () => {
  it("[TOP10] the empty text fits its seal", () => {
    assert.strictEqual(empty.text, "")
    assert.isTrue(opens(sha256, [SealedText.saltOf(empty), ""], empty))
  })

  it.prop("[TOP10] a value that is written, stored, read and opened is the same", { encoded }, ({ encoded }) => {
    const note = toNote(encoded)
    const read = Schema.decodeUnknownSync(Stored)(toLog(note))
    assert.deepStrictEqual(openTexts(read, openingsOf(note)), note)
    assert.deepStrictEqual(Schema.encodeSync(Stored)(note), toLog(note))
    assert.deepStrictEqual(Schema.encodeSync(Written)(note), encoded)
  })

  it.prop("[TOP10] neither JSON nor any hash of a value depends on its texts' presence", { encoded }, ({ encoded }) => {
    const note = toNote(encoded)
    const erased = eraseTexts(note, allIn(note))
    assert.isTrue(textsIn(erased).every(({ text }) => text.text === null))
    assert.deepStrictEqual(toLog(erased), toLog(note))
    assert.strictEqual(hashState(erased), hashState(note))
    assert.strictEqual(hashState(Schema.decodeUnknownSync(Stored)(toLog(note))), hashState(note))
    assert.deepStrictEqual(openingsOf(erased), {})
  })

  it("[TOP10] as JSON a text is its commitment and its length", () => {
    const text = sealed("a text")
    assert.strictEqual(JSON.stringify({ text }), `{"text":{"c":"${text.c}","n":6}}`)
    assert.notInclude(JSON.stringify({ text, salt: Object.keys(text) }), SealedText.saltOf(text))
  })

  it("[TOP10] only the texts of these commitments are erased, and the rest remains the same objects", () => {
    const note = { a: { text: sealed("a") }, b: { text: sealed("b") } }
    const erased = eraseTexts(note, new Set([note.a.text.c]))
    assert.deepStrictEqual(plain(erased), { a: { text: "[erased]" }, b: { text: "b" } })
    assert.strictEqual(erased.b, note.b)
    assert.strictEqual(eraseTexts(erased, new Set([note.a.text.c])), erased)
    assert.deepStrictEqual(Object.keys(openingsOf(erased)), [note.b.text.c])
  })

  it("[TOP10] an erased text stays erased without its opening, and is not opened by another's", () => {
    const erased = eraseTexts(sealed("a"), new Set([sealed("a").c]))
    assert.strictEqual(openTexts(erased, openingsOf(sealed("b"))), erased)
    assert.strictEqual(openTexts(sealed("a"), {}).text, "a")
  })
})

describe("committing", () => {
  it.prop("[TOP10] every text fits its commitment, and each has a salt of its own", { encoded }, ({ encoded }) => {
    const texts = textsIn(toNote(encoded))
    for (const { path, text } of texts) {
      assert.strictEqual(SealedText.saltOf(text), deriveSalt(sha256, testSalt, path))
      assert.isTrue(opens(sha256, [SealedText.saltOf(text), text.text!], text))
    }
    assert.strictEqual(new Set(texts.map(({ text }) => text.c)).size, texts.length)
  })

  it.prop("[TOP10] a text is committed to once", { encoded }, ({ encoded }) => {
    const note = toNote(encoded)
    assert.strictEqual(commitTexts(note, () => assert.fail("a salt was drawn"), sha256), note)
    const other = { old: note.title, added: write("new") }
    assert.strictEqual(commit(other).old, note.title)
  })

  it("[TOP10] the salt of a command is drawn once, and not for a command without texts", () => {
    let drawn = 0
    const draw = () => `${drawn++}`.padStart(22, "0")
    commitTexts({ a: write("a"), b: [write("b")] }, draw, sha256)
    commitTexts({ a: 1 }, draw, sha256)
    assert.strictEqual(drawn, 1)
  })

  it("[TOP10] paths are JSON Pointers", () => {
    const value = { "a/b": [write("1"), { "m~n": write("2") }], "": write("3"), map: HashMap.make(["~/", write("4")]) }
    assert.deepStrictEqual(textsIn(value).map(({ path, text }) => [path, text.text]), [
      ["/a~1b/0", "1"],
      ["/a~1b/1/m~0n", "2"],
      ["/", "3"],
      ["/map/~0~1", "4"]
    ])
    assert.deepStrictEqual(textsIn(write("5")).map(({ path }) => path), [""])
  })

  it("[TOP10] texts under keys of a HashMap are committed to, erased and opened", () => {
    const map = commit(HashMap.make(["k", write("text")], ["l", write("other")]))
    const erased = eraseTexts(map, allIn(map))
    assert.deepStrictEqual(HashMap.toEntries(plain(openTexts(erased, openingsOf(map)))).toSorted(), [
      ["k", "text"],
      ["l", "other"]
    ])
    assert.strictEqual(hashState(erased), hashState(map))
    assert.strictEqual(openTexts(map, {}), map)
  })
})

describe("texts as they are sent", () => {
  it.prop("[TOP10] a JSON value is sealed as its canonical JSON text", { json: Schema.Json }, ({ json }) => {
    const value = Schema.decodeSync(writtenJson)(json)
    assert.strictEqual(value.text, canonicalJson(json))
    assert.deepStrictEqual<unknown>(Schema.encodeSync(writtenJson)(value), toLog(json))
  })

  it("[TOP10] a text is bounded by the schema of its command", () => {
    const Short = written(Schema.String.check(Schema.isMaxLength(2)))
    assert.isTrue(Schema.decodeExit(Short)("ab")._tag === "Success")
    for (const other of ["abc", 1, null, sealed("a").seal]) {
      assert.isTrue(Schema.decodeUnknownExit(Short)(other)._tag === "Failure")
    }
  })
})

describe("plain", () => {
  it.prop("[TOP10] a value is shown as it was written", { encoded }, ({ encoded }) => {
    assert.deepStrictEqual<unknown>(plain(toNote(encoded)), encoded)
  })

  it("a part that did not change is converted once", () => {
    const before = { a: { text: sealed("a") }, b: [sealed("b")] }
    const after = { ...before, a: { text: sealed("c") } }
    assert.strictEqual(plain(before), plain(before))
    assert.strictEqual(plain(after).b, plain(before).b)
    assert.deepStrictEqual(plain(after), { a: { text: "c" }, b: ["b"] })
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Hash, HashMap, HashSet, Schema } from "effect"
import * as StateHash from "../../../src/domain/protocol/StateHash.ts"

type Json = Schema.Json

const isRecord = (value: unknown): value is Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** As JSON represents it: one zero only. */
const normalised = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json

/** The same value with the keys of all objects reversed. */
const withKeysReversed = (value: Json): Json =>
  Array.isArray(value)
    ? value.map(withKeysReversed)
    : isRecord(value)
    ? Object.fromEntries(Object.entries(value).toReversed().map(([key, child]) => [key, withKeysReversed(child)]))
    : value

const canonicalText = (value: Json): string =>
  JSON.stringify(
    value,
    (_, child: Json) =>
      isRecord(child) ? Object.fromEntries(Object.entries(child).toSorted(([a], [b]) => a < b ? -1 : 1)) : child
  )

const json = Arbitrary.schema(Schema.Json).pipe(Arbitrary.map(normalised))

describe("The hash as a function", () => {
  it.prop("[SYN7] copies have equal hashes, whatever the order of their keys", { json }, ({ json }) => {
    const hash = StateHash.hashState(json)
    assert.match(hash, /^[0-9a-f]{16}$/)
    assert.strictEqual(StateHash.hashState(structuredClone(json)), hash)
    assert.strictEqual(StateHash.hashState(withKeysReversed(json)), hash)
  })

  it.prop("[SYN7] different values have different hashes", { a: json, b: json }, ({ a, b }) => {
    assert.strictEqual(StateHash.hashState(a) === StateHash.hashState(b), canonicalText(a) === canonicalText(b))
  })

  it.prop("[SYN7] an incremental hash equals the hash from scratch", { a: json, b: json, c: json }, (
    { a, b, c }
  ) => {
    // Versions that share parts, and grow, shrink and change.
    const versions: ReadonlyArray<Json> = [
      { list: [a, b, c], of: a, gone: b },
      { list: [a, c], of: b, come: c },
      { list: [a, c, { inner: [b] }], of: [a, b] },
      { list: [a, c, { inner: [b, c] }], of: [a, b, c] },
      [a, b],
      a
    ]
    let before: unknown
    for (const version of versions) {
      const hash = StateHash.hashState(version, before)
      assert.strictEqual(StateHash.hashState(structuredClone(version)), hash)
      before = version
    }
  })

  it("[SYN7] position and type count, and an undefined property is absent", () => {
    const hashes = [
      [],
      [null],
      [[]],
      {},
      [1, 2],
      [2, 1],
      { a: 1 },
      { b: 1 },
      { a: [1] },
      "",
      "a",
      0,
      false,
      null,
      [0],
      [""]
    ]
      .map((value) => StateHash.hashState(value))
    assert.strictEqual(new Set(hashes).size, hashes.length)
    assert.strictEqual(StateHash.hashState({ a: 1, b: undefined }), StateHash.hashState({ a: 1 }))
    assert.strictEqual(StateHash.hashState(-0), StateHash.hashState(0))
  })
})

describe("Collections, stability and cost", () => {
  it("[SYN7] the insertion order of maps and sets is ignored", () => {
    assert.strictEqual(
      StateHash.hashState(HashMap.make(["a", 1], ["b", 2])),
      StateHash.hashState(HashMap.make(["b", 2], ["a", 1]))
    )
    assert.notStrictEqual(StateHash.hashState(HashMap.make(["a", 1])), StateHash.hashState(HashMap.make(["a", 2])))
    assert.strictEqual(StateHash.hashState(new Set(["a", "b"])), StateHash.hashState(new Set(["b", "a"])))
    assert.strictEqual(StateHash.hashState(new Map([["a", 1]])), StateHash.hashState(HashMap.make(["a", 1])))
    assert.strictEqual(StateHash.hashState(new Set(["a", "b"])), StateHash.hashState(HashSet.make("b", "a")))
    assert.notStrictEqual(StateHash.hashState(HashSet.make("a")), StateHash.hashState(HashSet.make("b")))
    // Members whose own hashes are the same are kept in the order of their insertion.
    const [a, b] = ["user:8t", "user:fj"]
    assert.strictEqual(Hash.hash(a), Hash.hash(b))
    assert.strictEqual(StateHash.hashState(HashSet.make(a, b)), StateHash.hashState(HashSet.make(b, a)))
  })

  // Logs store these hashes, and clients of every release compare them.
  it.each([
    [null, "5bca57e4735a9114"],
    [-1.5, "77c0e96618998ddb"],
    ["a\u00e9\ud83d\ude00", "3790c973460d902d"],
    [[1, [2, null]], "eccd982105d4fca7"],
    [{ _tag: "submit_message", content: "Wind", source: null }, "34564ac14b5bcedc"]
  ])("[SYN4][SYN7] the hash of %j never changes", (value, hash) => {
    assert.strictEqual(StateHash.hashState(value), hash)
  })

  it("[SYN7] an unchanged part is not hashed again", () => {
    let reads = 0
    const message = {
      get text() {
        reads += 1
        return "hello"
      }
    }
    const first = { messages: [message], n: 0 }
    StateHash.hashState(first)
    assert.strictEqual(reads, 1)
    StateHash.hashState({ messages: [message, { text: "again" }], n: 1 }, first)
    assert.strictEqual(reads, 1)
  })
})

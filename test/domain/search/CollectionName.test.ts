import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { priorsCollectionName } from "../../../src/domain/search/CollectionName.ts"
import * as Storage from "../../../src/domain/search/Storage.ts"
import { initial } from "../../../src/domain/search/StorageModel.ts"

describe("Names of collections", () => {
  const Embedder = Schema.Union([
    Schema.String,
    Schema.Literals(["../../admin", "a/b?c=d#e", "x%2f..", "PRIORS", "ü\u0000", "a".repeat(5_000)])
  ])
  it.prop("[SEC40] a collection's name has only harmless characters, whatever the embedding model is called", [
    Embedder
  ], ([embedder]) => {
    const name = priorsCollectionName(embedder, 384)
    assert.match(name, /^priors-384-[a-z0-9-]{0,100}$/)
    assert.strictEqual(encodeURIComponent(name), name)
  })

  it.prop("[SEC40] an operation on any collection that was not declared is rejected", [Schema.String], ([name]) => {
    const declared = priorsCollectionName("hash", 3)
    const state = Storage.markCollectionReady(initial([{ name: declared, dimension: 3 }]), declared)
    const search = (collection: string) =>
      Storage.executeOperation(state, { _tag: "Search", collection, vector: [1, 0, 0], limit: 1, filter: {} })[1]
    assert.strictEqual(search(declared)._tag, "Success")
    if (name === declared) return
    const result = search(name)
    assert.strictEqual(result._tag === "Failure" && result.error._tag, "InvalidCollection")
  })

  it("[STO7] another model or dimension has another collection", () => {
    const names = [["m", 3], ["m", 4], ["n", 3]] as const
    assert.strictEqual(new Set(names.map(([model, dimension]) => priorsCollectionName(model, dimension))).size, 3)
  })
})

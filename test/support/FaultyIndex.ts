/** The in-memory engine behind a switch: fails, hangs, forgets a collection, and says what it was asked. */
import { Effect, Layer } from "effect"
import * as Memory from "../../src/layers/vectorindex/Memory.ts"
import { VectorIndex, VectorIndexError, type VectorIndexErrorReason } from "../../src/services/VectorIndex.ts"

export interface Control {
  /** Names of the methods called, in order. */
  readonly calls: Array<string>
  /** Decides call by call; undefined lets it through. */
  fail: (method: string) => typeof VectorIndexErrorReason.Type | undefined
  /** Everything stored is gone. */
  readonly lose: () => void
}

export const make = (): { readonly control: Control; readonly layer: Layer.Layer<VectorIndex> } => {
  let engine = Memory.make()
  const control: Control = { calls: [], fail: () => undefined, lose: () => void (engine = Memory.make()) }
  const through = <A>(method: string, effect: () => Effect.Effect<A, VectorIndexError>) =>
    Effect.suspend(() => {
      control.calls.push(method)
      const reason = control.fail(method)
      return reason === undefined ? effect() : Effect.fail(new VectorIndexError({ reason }))
    })
  return {
    control,
    layer: Layer.succeed(VectorIndex, {
      ensure: (collection, options) => through("ensure", () => engine.ensure(collection, options)),
      upsert: (collection, points) => through("upsert", () => engine.upsert(collection, points)),
      remove: (collection, ids) => through("remove", () => engine.remove(collection, ids)),
      search: (collection, query) => through("search", () => engine.search(collection, query)),
      get: (collection, ids) => through("get", () => engine.get(collection, ids)),
      count: (collection) => through("count", () => engine.count(collection)),
      scroll: (collection, page) => through("scroll", () => engine.scroll(collection, page))
    })
  }
}

/** The in-memory vector index with injected failures and a record of its calls. */
import { Effect, Layer } from "effect"
import * as VectorIndexMemory from "../../src/layers/vectorindex/VectorIndexMemory.ts"
import { VectorIndex, VectorIndexError, type VectorIndexErrorReason } from "../../src/services/VectorIndex.ts"

/** Controls one index. */
export interface FaultyIndexControl {
  /** The names of called methods, in order. */
  readonly calls: Array<string>
  /** The failure of a call; undefined lets it succeed. */
  fail: (method: string) => typeof VectorIndexErrorReason.Type | undefined
  /** Deletes every collection. */
  readonly dropAll: () => void
}

/** An index with its control. */
export const make = (): { readonly control: FaultyIndexControl; readonly layer: Layer.Layer<VectorIndex> } => {
  let engine = VectorIndexMemory.make()
  const control: FaultyIndexControl = {
    calls: [],
    fail: () => undefined,
    dropAll: () => void (engine = VectorIndexMemory.make())
  }
  const intercept = <A>(method: string, effect: () => Effect.Effect<A, VectorIndexError>) =>
    Effect.suspend(() => {
      control.calls.push(method)
      const reason = control.fail(method)
      return reason === undefined ? effect() : Effect.fail(new VectorIndexError({ reason }))
    })
  return {
    control,
    layer: Layer.succeed(VectorIndex, {
      ensure: (collection, options) => intercept("ensure", () => engine.ensure(collection, options)),
      upsert: (collection, points) => intercept("upsert", () => engine.upsert(collection, points)),
      remove: (collection, ids) => intercept("remove", () => engine.remove(collection, ids)),
      search: (collection, query) => intercept("search", () => engine.search(collection, query)),
      get: (collection, ids) => intercept("get", () => engine.get(collection, ids)),
      count: (collection) => intercept("count", () => engine.count(collection)),
      scroll: (collection, page) => intercept("scroll", () => engine.scroll(collection, page))
    })
  }
}

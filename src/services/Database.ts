/**
 * Stores and searches points through a vector index: every operation is validated first, and every failure is
 * recovered from as far as possible (STO1, STO6).
 *
 * **When to use**
 *
 * For all access to the search index, except for reading it as a whole (`VectorIndex.scroll`). An engine that is used
 * directly validates vectors, but has no recovery.
 *
 * **Details**
 *
 * An operation is decided by the pure `Storage.executeOperation`, applied to the engine, and rolled back when the
 * engine fails. Recovery waits for an unreachable engine, and creates a collection that is lost. A `Store` whose vector
 * is invalid fails with `InvalidVector`; with `onInvalidVector: "embed"` the contents of its points are embedded instead.
 * `state` is the cache of the engine, for inspection.
 *
 * **Gotchas**
 *
 * A search gives up after half a second, so that a run can continue without it; a write after several seconds. A
 * listener of `onCollectionLost` that answers false keeps the collection from being created again: the operation
 * fails then.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const { Database, PriorsCollection } = Services.Database
 * const point = {
 *   id: "00000000-0000-5000-8000-000000000001",
 *   vector: [3, 4],
 *   payload: {
 *     thread: Domain.Ids.TopicId.make("thread:tea"),
 *     message: Domain.Ids.CommandId.make("message-1"),
 *     author: "system:example" as const,
 *     content: "Steep green tea at 80 degrees.",
 *     content_hash: "0".repeat(64),
 *     c: "A".repeat(43),
 *     visibility: "public" as const,
 *     log_seq: 1,
 *     text_seq: 1,
 *     embed_model: "example",
 *     created_at: 0,
 *     version: 1
 *   }
 * }
 *
 * const program = Effect.gen(function*() {
 *   const database = yield* Database
 *   yield* database.execute({ _tag: "Store", collection: "notes", points: [point] })
 *   const hits = yield* database.execute({
 *     _tag: "Search",
 *     collection: "notes",
 *     vector: [1, 0],
 *     limit: 3,
 *     filter: { readable: [] }
 *   })
 *   console.log(hits.map(({ payload, score }) => [payload.content, score])) // the cosine is 0.6
 * })
 *
 * const layer = Layers.DatabaseLive.layer.pipe(Layer.provide([
 *   Layers.VectorIndexMemory.layer,
 *   Layers.Models.layer({}),
 *   Layer.succeed(PriorsCollection, { name: "notes", dimension: 2, embedModel: "example" })
 * ]))
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Context, type Effect, Schema } from "effect"
import { EngineFailure, OperationRejection } from "../domain/search/StorageError.ts"
import type { Operation, StorageState } from "../domain/search/StorageModel.ts"
import type { Hit } from "../domain/search/VectorPoint.ts"

/** The operation was rejected, or recovery failed. The cache has been rolled back. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  reason: Schema.Union([OperationRejection, EngineFailure])
}) {
  override get message() {
    return this.reason.message
  }

  /** Whether the same operation may work later. */
  get retryable(): boolean {
    const { _tag } = this.reason
    return _tag === "ConnectionError" || _tag === "InconsistencyError" || _tag === "EmbeddingUnavailable"
  }
}

/** The result of an operation: hits for a search, the best first; nothing for a write. */
export type OperationOutput<O extends Operation> = O extends { readonly _tag: "Search" } ? ReadonlyArray<Hit> : void

/** Storage of points, over a vector index. */
export class Database extends Context.Service<Database, {
  /** Validates the operation, applies it to the engine, and recovers from failures within `retryBudget`. */
  readonly execute: <O extends Operation>(operation: O) => Effect.Effect<OperationOutput<O>, DatabaseError>
  /** The cache of the engine. */
  readonly state: Effect.Effect<StorageState>
  /**
   * Calls `listener` when the engine has lost a collection, before it is created again. The listener has to ensure that
   * the points are indexed again even if this process crashes; it answers false if it cannot, and then the operation
   * fails and the collection is not created. Returns the unsubscription.
   */
  readonly onCollectionLost: (listener: (collection: string) => Effect.Effect<boolean>) => () => void
}>()("choir/services/Database") {}

/** The collection of published text; its name depends on the embedding model (STO7). */
export class PriorsCollection extends Context.Service<PriorsCollection, {
  readonly name: string
  readonly dimension: number
  /** The embedding model's name, stored with every point. */
  readonly embedModel: string
}>()("choir/services/Database/PriorsCollection") {}

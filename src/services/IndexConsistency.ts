/**
 * Verifies that the search index holds exactly what the logs publish, and repairs it (STO5).
 *
 * **When to use**
 *
 * After an index was restored from a backup, or when searches miss text. It needs no downtime: both sides may be
 * written to meanwhile.
 *
 * **Details**
 *
 * `verify` compares every published message with every point: its payload, its embedding model, and whether its
 * vector can be compared. `repair` deletes wrong points and has missing ones indexed again, and nothing else.
 *
 * **Gotchas**
 *
 * `verify` reads all logs and the whole index; it keeps a summary of about 200 bytes per point in memory. A message
 * that the indexer has not reached yet is reported as missing: call `SearchIndexer.awaitCaughtUp` first. After
 * `repair`, too.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const program = Effect.gen(function*() {
 *   const { awaitCaughtUp } = yield* Services.SearchIndexer.SearchIndexer
 *   const { repair, verify } = yield* Services.IndexConsistency.IndexConsistency
 *   yield* awaitCaughtUp
 *   const inconsistencies = yield* verify
 *   console.log(inconsistencies) // []
 *   yield* repair(inconsistencies)
 * })
 *
 * const layer = Layers.IndexConsistencyLive.layer.pipe(
 *   Layer.provideMerge(Layers.SearchIndexerLive.layer),
 *   Layer.provideMerge(Layers.DatabaseLive.layer),
 *   Layer.provideMerge(Layer.mergeAll(
 *     Layers.VectorIndexMemory.layer,
 *     Layers.Models.layer({}),
 *     Layers.EventLogMemory.layer,
 *     Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds),
 *     Layer.succeed(Services.Database.PriorsCollection, { name: "priors", dimension: 384, embedModel: "hash-384-v1" })
 *   ))
 * )
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Context, type Effect } from "effect"
import type { Inconsistency } from "../domain/search/ConsistencyCheck.ts"
import type { DatabaseError } from "./Database.ts"
import type { EventLogError } from "./EventLog.ts"
import type { VectorIndexError } from "./VectorIndex.ts"

/** Verification and repair of the search index. */
export class IndexConsistency extends Context.Service<IndexConsistency, {
  /** Every difference between the index and the logs; both may be written to meanwhile. */
  readonly verify: Effect.Effect<ReadonlyArray<Inconsistency>, EventLogError | VectorIndexError>
  /** Repairs these differences and nothing else: deletes wrong points, and has missing ones indexed again. */
  readonly repair: (
    inconsistencies: ReadonlyArray<Inconsistency>
  ) => Effect.Effect<void, EventLogError | DatabaseError>
}>()("choir/services/IndexConsistency") {}

/**
 * The projection of the threads' logs into the search index (STO4). Asynchronous: threads do not wait for it.
 *
 * **When to use**
 *
 * To read your own writes in a search (`awaitCaughtUp`), to fill an index again (`rebuild`), and for metrics
 * (`status`).
 *
 * **Details**
 *
 * The indexer wakes up with every append. How far a thread is indexed is a cursor in the event log, so that a restart
 * continues where the last process stopped.
 *
 * **Gotchas**
 *
 * `awaitCaughtUp` waits as long as the engine or the embedder is down: give it a timeout in a request. A text that
 * alone cannot be embedded is set aside and tried again later: it blocks no other text, and is not waited for.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const program = Effect.gen(function*() {
 *   const { awaitCaughtUp, status } = yield* Services.SearchIndexer.SearchIndexer
 *   yield* Effect.timeout(awaitCaughtUp, "10 seconds")
 *   console.log(yield* status) // { pendingTopics: 0, failures: 0, textsSetAside: 0 }
 * })
 *
 * const layer = Layers.SearchIndexerLive.layer.pipe(
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
import type { TopicId } from "../domain/protocol/Ids.ts"
import type { EventLogError } from "./EventLog.ts"

/** The indexer of published text. */
export class SearchIndexer extends Context.Service<SearchIndexer, {
  /** Waits until everything that was appended before the call is indexed, however long the engine is down. */
  readonly awaitCaughtUp: Effect.Effect<void>
  /** Has every thread indexed again from its start; points that exist stay as they are. Returns at once. */
  readonly rebuild: Effect.Effect<void>
  /** Has what a thread published after `seq` indexed again. Returns once that is durably requested. */
  readonly reindexFrom: (topic: TopicId, seq: number) => Effect.Effect<void, EventLogError>
  /** The number of topics in the queue, of failed rounds in a row, and of texts that cannot be embedded for now. */
  readonly status: Effect.Effect<
    { readonly pendingTopics: number; readonly failures: number; readonly textsSetAside: number }
  >
}>()("choir/services/SearchIndexer") {}

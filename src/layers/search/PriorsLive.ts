/**
 * Searches the index for priors for a thread, within what every reader of the thread may read (CHO4, CHO13, SEC10).
 *
 * **When to use**
 *
 * With `ChorusLive.layer` and an index that `SearchIndexerLive.layer` fills. `App.layer` includes it.
 *
 * **Details**
 *
 * The threads that all readers share are part of the query, and every hit is authorised again by the directory, with the
 * readers of that moment; a text that was erased is no hit. Of 80 nearest points at most ten messages are returned (`domain/search/PriorSearch`).
 *
 * **Gotchas**
 *
 * The embedding model must be the one that filled the collection: vectors of another are not comparable. The projection
 * is asynchronous, so that a message is found some moments after its receipt.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const thread = Domain.Ids.TopicId.make("thread:tea")
 * const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const server = Layer.mergeAll(Layers.PriorsLive.layer, Layers.SearchIndexerLive.layer, Layers.TopicsLocal.layer()).pipe(
 *   Layer.provideMerge(Layers.DatabaseLive.layer),
 *   Layer.provide(Layer.mergeAll(
 *     Layers.VectorIndexMemory.layer,
 *     Layers.Models.layer({}),
 *     Layers.EventLogMemory.layer,
 *     Layers.IntentHandlersLive.layer,
 *     Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds),
 *     Layer.succeed(Services.Database.PriorsCollection, { name: "priors", dimension: 384, embedModel: "hash-384-v1" })
 *   ))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const send = (id: string, input: unknown) =>
 *     topics.submit(thread, { id: Domain.Ids.CommandId.make(id), author, input })
 *   yield* send("tea", { _tag: "create_thread", name: "Notes on tea" })
 *   yield* send("m1", { _tag: "submit_message", content: "Steep green tea at 80 degrees." })
 *   yield* (yield* Services.SearchIndexer.SearchIndexer).awaitCaughtUp
 *   const { find } = yield* Services.Priors.Priors
 *   return (yield* find("How hot is water for green tea?", thread)).map(({ content }) => content)
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, server)))
 * // => ["Steep green tea at 80 degrees."]
 * ```
 */
import { Array as Arr, Effect, Latch, Layer } from "effect"
import { EmbeddingModel } from "effect/ai"
import type { Prior } from "../../domain/chorus/ChorusModel.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { cut } from "../../domain/protocol/Text.ts"
import * as PriorSearch from "../../domain/search/PriorSearch.ts"
import { readableBy } from "../../domain/search/VectorQuery.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { Directory } from "../../services/Directory.ts"
import { EventLog, type EventLogError } from "../../services/EventLog.ts"
import { Priors, PriorsUnavailable } from "../../services/Priors.ts"
import { backoffSchedule } from "../runtime/BackoffSchedule.ts"

/** The longest text that is embedded, in UTF-16 units: embedding models have limits. */
const maxQueryLength = 6000

type FindErased = (priors: ReadonlyArray<Prior>) => Effect.Effect<ReadonlySet<Prior>, EventLogError>

/** The priors whose texts do not stand beside their logs any more (TOP10): the index learns of an erasure later. */
const findErased = (log: EventLog["Service"]): FindErased => (priors) =>
  Effect.forEach(Object.values(Arr.groupBy(priors, ({ thread }) => thread)), (group) =>
    Effect.map(
      log.openings(group[0].thread, group.map(({ seq }) => seq)),
      (openings) => group.filter(({ c, seq }) => openings.get(seq)?.[c] === undefined)
    )).pipe(Effect.map((groups) => new Set(groups.flat())))

const retrySchedule = backoffSchedule({ base: 100, cap: 1_000 })

const awaitErased = (log: EventLog["Service"], findErased: FindErased) => (priors: ReadonlyArray<Prior>) =>
  Effect.scoped(Effect.gen(function*() {
    const threads = new Set(priors.map(({ thread }) => thread))
    const erasure = yield* Latch.make(false)
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        log.onAppend((topic, erases) => void (erases && threads.has(topic) && Latch.openUnsafe(erasure)))
      ),
      (remove) => Effect.sync(remove)
    )
    while ((yield* Effect.orDie(Effect.retry(findErased(priors), retrySchedule))).size === 0) {
      yield* Latch.await(erasure)
      yield* Latch.close(erasure)
    }
  }))

const make = Effect.gen(function*() {
  const database = yield* Database
  const directory = yield* Directory
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const log = yield* EventLog
  const { name } = yield* PriorsCollection
  const erasedOf = findErased(log)

  const unavailable = (operation: "embed" | "search") => (cause: { readonly retryable: boolean }) =>
    new PriorsUnavailable({ operation, retryable: cause.retryable, cause })

  const find = Effect.fn("Priors.find")(function*(text: string, thread: TopicId) {
    const { vector } = yield* embedding.embed(cut(text, maxQueryLength)).pipe(
      Effect.mapError((cause) => new PriorsUnavailable({ operation: "embed", retryable: cause.isRetryable, cause }))
    )
    const threads = yield* Effect.mapError(directory.topicsSharedBy(thread), unavailable("search"))
    const hits = yield* database.execute({
      _tag: "Search",
      collection: name,
      vector,
      limit: PriorSearch.candidateLimit,
      filter: readableBy(threads)
    }).pipe(Effect.mapError(unavailable("search")))
    const readers = yield* directory.readersOf([thread, ...new Set(hits.map((hit) => hit.payload.thread))]).pipe(
      Effect.mapError(unavailable("search"))
    )
    const priors = PriorSearch.selectPriors(PriorSearch.authoriseHits(hits, thread, readers))
    const erased = yield* erasedOf(priors).pipe(Effect.mapError(unavailable("search")))
    return priors.filter((prior) => !erased.has(prior))
  })

  return Priors.of({ find, awaitErased: awaitErased(log, erasedOf) })
})

/** The search for priors: filtered by the threads that all readers share, and authorised again thread by thread. */
export const layer: Layer.Layer<
  Priors,
  never,
  Database | Directory | EventLog | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(Priors, make)

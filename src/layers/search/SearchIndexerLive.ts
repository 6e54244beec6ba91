/**
 * The projection of the threads' logs into the search index (STO4): one fiber, woken by appends, that reads, embeds
 * and stores what is new.
 *
 * **When to use**
 *
 * In every process that writes threads. It needs no other process: on a shared engine, repeated work is idempotent.
 *
 * **Details**
 *
 * The log is the queue: what could not be stored stays behind the projection's cursor and is retried with back-off
 * without limit (STO6, STO8). Threads never wait for it. An index that is empty or lost is filled again from the
 * logs.
 *
 * **Gotchas**
 *
 * A corrupt log is skipped with an error in the log, since no retry can read it. A text that alone cannot be embedded is
 * set aside, tried again for some hours, and then left out; `rebuild` tries it again.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const thread = Domain.Ids.TopicId.make("thread:tea")
 * const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const send = (id: string, input: unknown) =>
 *     topics.submit(thread, { id: Domain.Ids.CommandId.make(id), author, input })
 *   yield* send("tea", { _tag: "create_thread", name: "Notes on tea" })
 *   yield* send("m1", { _tag: "submit_message", content: "Steep green tea at 80 degrees." })
 *   yield* (yield* Services.SearchIndexer.SearchIndexer).awaitCaughtUp
 *   const index = yield* Services.VectorIndex.VectorIndex
 *   console.log(yield* index.count("priors")) // 1
 * })
 *
 * const layer = Layer.merge(Layers.SearchIndexerLive.layer, Layers.TopicsLocal.layer()).pipe(
 *   Layer.provideMerge(Layers.DatabaseLive.layer),
 *   Layer.provideMerge(Layer.mergeAll(
 *     Layers.VectorIndexMemory.layer,
 *     Layers.Models.layer({}),
 *     Layers.EventLogMemory.layer,
 *     Layers.IntentHandlersLive.layer,
 *     Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds),
 *     Layer.succeed(Services.Database.PriorsCollection, { name: "priors", dimension: 384, embedModel: "hash-384-v1" })
 *   ))
 * )
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Duration, Effect, Layer } from "effect"
import type { EmbeddingModel } from "effect/ai"
import { kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { backoffDelay } from "../../domain/search/StorageRecovery.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { SearchIndexer } from "../../services/SearchIndexer.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as ThreadIndexer from "./ThreadIndexer.ts"
import * as ThreadReader from "./ThreadReader.ts"
import { type Work, WorkQueue } from "./WorkQueue.ts"

/** The id of no point. */
const nilUuid = "00000000-0000-0000-0000-000000000000"

/** The state shared by the indexing fiber and its callers. */
interface IndexerState {
  /** Rounds in a row that failed. */
  failures: number
  /** The milliseconds that the embedding model asked to wait in this round; null if it did not. */
  retryAfter: number | null
  /** The index is checked once at the start: an empty one is filled from the logs. */
  needsIndexCheck: boolean
  /** The next round indexes everything. Set at any time, also while a round runs. */
  rebuildRequested: boolean
}

interface Dependencies {
  readonly collection: PriorsCollection["Service"]
  readonly database: Database["Service"]
  readonly log: EventLog["Service"]
  readonly state: IndexerState
  readonly threadIndexer: ThreadIndexer.ThreadIndexer
  readonly threads: ThreadReader.ThreadReader
  readonly vectorIndex: VectorIndex["Service"]
  readonly workQueue: WorkQueue
}

const make = Effect.gen(function*() {
  const state: IndexerState = { failures: 0, retryAfter: null, needsIndexCheck: true, rebuildRequested: false }
  const threads = yield* ThreadReader.make
  const dependencies: Dependencies = {
    collection: yield* PriorsCollection,
    database: yield* Database,
    log: yield* EventLog,
    state,
    threadIndexer: yield* ThreadIndexer.make(threads, () => state.rebuildRequested),
    threads,
    vectorIndex: yield* VectorIndex,
    workQueue: new WorkQueue()
  }
  const { database, log, threadIndexer, workQueue } = dependencies

  yield* Effect.acquireRelease(
    Effect.sync(() => [
      log.onAppend((topic) => kindOf(topic) === "thread" && workQueue.add(topic)),
      database.onCollectionLost((collection) => handleCollectionLost(dependencies, collection))
    ]),
    (unsubscribes) => Effect.sync(() => unsubscribes.forEach((unsubscribe) => unsubscribe()))
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(workQueue.awaitWork, runRound(dependencies))))
  yield* Effect.forkScoped(Effect.forever(retrySetAside(dependencies)))
  const { instruments } = yield* Metrics
  instruments.gauge(
    "choir_search_texts_set_aside",
    "Texts that cannot be embedded for now, and are not found by search",
    threadIndexer.asideCount
  )

  return SearchIndexer.of({
    awaitCaughtUp: workQueue.awaitIdle,
    rebuild: Effect.sync(() => {
      state.rebuildRequested = true
      workQueue.addAll()
    }),
    reindexFrom: (topic, seq) =>
      Effect.tap(threadIndexer.reindexFrom(topic, seq), () => Effect.sync(() => workQueue.add(topic))),
    status: Effect.sync(() => ({
      pendingTopics: workQueue.size,
      failures: state.failures,
      textsSetAside: threadIndexer.asideCount()
    }))
  })
})

/** One round over the queued work; after a failed one it waits. */
const runRound = Effect.fnUntraced(function*(dependencies: Dependencies) {
  const { state, workQueue } = dependencies
  state.retryAfter = null
  if (yield* indexWork(dependencies, workQueue.take())) {
    state.failures = 0
    return workQueue.completeWork()
  }
  state.failures += 1
  yield* Effect.sleep(backoffDelay(state.failures, state.retryAfter))
})

/** Tries texts that are set aside when they are due. While nothing can be embedded or stored, it waits as a round does. */
const retrySetAside = ({ threadIndexer }: Dependencies) =>
  threadIndexer.retryWhenDue.pipe(
    Effect.catchCause((cause) =>
      Effect.andThen(
        Effect.logWarning("texts that were set aside cannot be tried", cause),
        Effect.sleep(asideRetryDelay)
      )
    )
  )

const asideRetryDelay = Duration.seconds(10)

/** Whether all of the work was done; what was not is in the queue again. */
const indexWork = (dependencies: Dependencies, { everything, topics }: Work) =>
  Effect.gen(function*() {
    if (dependencies.state.needsIndexCheck) yield* checkIndex(dependencies)
    const threads = topics.filter((topic) => kindOf(topic) === "thread")
    const cursors = yield* selectDueThreads(dependencies, { topics: threads, everything })
    const outcomes = yield* Effect.forEach(cursors, ([topic, cursor]) => indexThread(dependencies, topic, cursor))
    return outcomes.every((outcome) => outcome)
  }).pipe(
    Effect.catch((error) => {
      dependencies.workQueue.addAll()
      return Effect.as(Effect.logWarning("the search index cannot be updated", error.message), false)
    }),
    // Otherwise a defect would end indexing without a word.
    Effect.catchDefect((defect) => {
      dependencies.workQueue.addAll()
      return Effect.as(Effect.logError("the search index cannot be updated", defect), false)
    })
  )

const checkIndex = Effect.fnUntraced(function*({ collection, database, state, vectorIndex }: Dependencies) {
  // Through the database, so that it creates the collection if necessary and notices its loss from then on.
  yield* database.execute({ _tag: "Delete", collection: collection.name, ids: [nilUuid] })
  if ((yield* vectorIndex.count(collection.name)) === 0) state.rebuildRequested = true
  state.needsIndexCheck = false
})

/** The threads to read, with their cursors. */
const selectDueThreads = Effect.fnUntraced(function*(dependencies: Dependencies, { everything, topics }: Work) {
  const { state, threadIndexer, threads } = dependencies
  if (state.rebuildRequested) {
    yield* resetCursors(dependencies)
    threadIndexer.clearCache()
    state.rebuildRequested = false
  } else if (!everything && topics.every((topic) => threadIndexer.cursor(topic) !== undefined)) {
    return new Map(topics.map((topic) => [topic, threadIndexer.cursor(topic) ?? 0]))
  }
  return yield* threads.lagging
})

/** Resets the cursors of all threads before anything is stored: a crash in between leaves an index that lags. */
const resetCursors = ({ collection, log, threads }: Dependencies) =>
  Effect.flatMap(threads.all, Effect.forEach((topic) => log.setCursor(collection.name, topic, 0)))

/** Before the collection is created again: the next round, of whichever process, indexes everything. */
const handleCollectionLost = (dependencies: Dependencies, lostCollection: string) =>
  Effect.suspend(() => {
    const { collection, state, workQueue } = dependencies
    if (lostCollection !== collection.name) return Effect.succeed(true)
    state.rebuildRequested = true
    workQueue.addAll()
    return Effect.match(resetCursors(dependencies), { onFailure: () => false, onSuccess: () => true })
  })

/** Whether the thread was indexed, or never can be. The failure of one thread does not block the others. */
const indexThread = ({ state, threadIndexer, workQueue }: Dependencies, topic: TopicId, cursor: number) =>
  threadIndexer.read(topic, cursor).pipe(
    Effect.as(true),
    // A retry cannot read a corrupt log, or one of an unknown schema version.
    Effect.catchDefect((defect) => Effect.as(Effect.logError("a thread cannot be read", topic, defect), true)),
    Effect.catchReason("EventLogError", "LogCorrupt", (corrupt) => Effect.as(Effect.logError(corrupt.message), true)),
    Effect.catch((error) => {
      workQueue.add(topic)
      if (error._tag === "AiError" && error.retryAfter !== undefined) {
        state.retryAfter = Math.max(state.retryAfter ?? 0, Duration.toMillis(error.retryAfter))
      }
      return Effect.as(Effect.logWarning("the search index lags behind", error.message), false)
    })
  )

/** The indexer; it starts to catch up at once, in the background. */
export const layer: Layer.Layer<
  SearchIndexer,
  never,
  EventLog | Kinds | Database | VectorIndex | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(SearchIndexer, make)

/**
 * Keeps the search index in step with the threads' logs (STO4): one fiber, woken
 * by appends, that reads what it has not seen, embeds it and stores it.
 *
 * The log is the queue: what could not be stored stays behind the projection's
 * cursor and is tried again with back-off, for as long as it takes (STO6,
 * STO8). Threads never wait for it.
 */
import { Effect, Latch, Layer, Semaphore } from "effect"
import type { EmbeddingModel } from "effect/ai"
import { kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { backoffDelay } from "../../domain/search/Storage.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { SearchIndexer } from "../../services/SearchIndexer.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as MessageIndexer from "./MessageIndexer.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Threads whose readState is kept in memory; the others are read again from their start. */
const readStateLimit = 1024
/** Hints kept before "look at everything" takes their place. */
const maxPendingTopics = 4096

/** The id of no point. */
const nilUuid = "00000000-0000-0000-0000-000000000000"

/** Which threads have something new. Written to by whoever appends, on their turn. */
const makeWorkQueue = () => {
  const topics = new Set<TopicId>()
  let everything = true
  const idle = Latch.makeUnsafe(false)
  const hasWork = Latch.makeUnsafe(true)
  const signalWork = () => {
    Latch.closeUnsafe(idle)
    Latch.openUnsafe(hasWork)
  }
  return {
    add: (topic: TopicId) => {
      if (topics.size < maxPendingTopics) topics.add(topic)
      else everything = true
      signalWork()
    },
    addAll: () => {
      everything = true
      signalWork()
    },
    /** Takes what there is. */
    take: () => {
      const taken = { topics: Array.from(topics), everything }
      topics.clear()
      everything = false
      Latch.closeUnsafe(hasWork)
      return taken
    },
    /** Nothing is left of what was taken. */
    markIdleIfEmpty: () => {
      if (topics.size === 0 && !everything) Latch.openUnsafe(idle)
    },
    size: () => topics.size,
    idle: Latch.await(idle),
    awaitWork: Latch.await(hasWork)
  } as const
}

/** Takes in one thread, page by page, from what is known of it. Stops without a word when the index is `lost` meanwhile. */
const makeTopicIndexer = Effect.fnUntraced(function*(threads: ThreadReader.ThreadReader, isIndexLost: () => boolean) {
  const log = yield* EventLog
  const { name } = yield* PriorsCollection
  const indexDrafts = yield* MessageIndexer.make
  const readStates = new Map<TopicId, ThreadReader.ReadState>()

  const cacheReadState = (topic: TopicId, readState: ThreadReader.ReadState) => {
    readStates.delete(topic)
    readStates.set(topic, readState)
    if (readStates.size > readStateLimit) {
      for (const oldest of readStates.keys()) return void readStates.delete(oldest)
    }
  }

  const indexPages = Effect.fnUntraced(function*(topic: TopicId, cursor: number) {
    const known = readStates.get(topic)
    let readState = known !== undefined && known.seq <= cursor ? known : ThreadReader.nothingRead
    while (true) {
      const page = yield* threads.page(topic, readState)
      readState = page.readState
      yield* indexDrafts(page.drafts.filter((draft) => draft.payload.log_seq > cursor))
      // The cursors have been put back, and must stay there until everything comes again.
      if (isIndexLost()) return
      if (readState.seq > cursor) yield* log.setCursor(name, topic, readState.seq)
      cacheReadState(topic, readState)
      if (page.last) return
    }
  })

  // What is to be read again, whatever a round that has begun already thinks of the cursor.
  const cursorResets = new Map<TopicId, number>()
  const lock = yield* Semaphore.make(1)

  /** Reads on from what is known; texts after `cursor` are stored. The cursor moves after each page. */
  const read = (topic: TopicId, cursor: number) =>
    Effect.suspend(() => indexPages(topic, Math.min(cursor, cursorResets.get(topic) ?? cursor))).pipe(
      Effect.tap(() => Effect.sync(() => cursorResets.delete(topic))),
      (reading) => Semaphore.withPermit(lock, reading)
    )

  /** The next reading begins after `seq`. */
  const reindexFrom = (topic: TopicId, seq: number) =>
    log.setCursor(name, topic, seq).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          readStates.delete(topic)
          cursorResets.set(topic, Math.min(seq, cursorResets.get(topic) ?? seq))
        })
      ),
      (resetting) => Semaphore.withPermit(lock, resetting)
    )

  return { read, reindexFrom, cursor: (topic: TopicId) => readStates.get(topic)?.seq, forget: () => readStates.clear() }
})

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const vectorIndex = yield* VectorIndex
  const collection = yield* PriorsCollection
  const threads = yield* ThreadReader.make
  const workQueue = makeWorkQueue()
  let failures = 0
  // At start too: an index that is empty is filled from the logs' beginnings.
  let needsIndexCheck = true
  // Asked for at any time, also while a round runs: the next one does it.
  let rebuildRequested = false
  const topicIndexer = yield* makeTopicIndexer(threads, () => rebuildRequested)

  const checkIndex = Effect.gen(function*() {
    // By way of the database, which makes the collection if it must, and from here on knows when it is gone.
    yield* database.execute({ _tag: "Delete", collection: collection.name, ids: [nilUuid] })
    if ((yield* vectorIndex.count(collection.name)) === 0) rebuildRequested = true
    needsIndexCheck = false
  })

  /** Puts every thread's cursor back, before anything is stored: a crash on the way leaves an index that is behind. */
  const resetCursors = Effect.flatMap(threads.all, Effect.forEach((topic) => log.setCursor(collection.name, topic, 0)))

  const restartIndexing = Effect.gen(function*() {
    yield* resetCursors
    topicIndexer.forget()
    rebuildRequested = false
  })

  /** Before the collection is made anew: the next round, of whichever process, takes in everything. */
  const onCollectionLost = (lostCollection: string) =>
    Effect.suspend(() => {
      if (lostCollection !== collection.name) return Effect.succeed(true)
      rebuildRequested = true
      workQueue.addAll()
      return Effect.match(resetCursors, { onFailure: () => false, onSuccess: () => true })
    })

  /** Which threads to read, and from where. */
  const selectDueTopics = Effect.fnUntraced(function*(topics: ReadonlyArray<TopicId>, everything: boolean) {
    if (rebuildRequested) yield* restartIndexing
    else if (!everything && topics.every((topic) => topicIndexer.cursor(topic) !== undefined)) {
      return new Map(topics.map((topic) => [topic, topicIndexer.cursor(topic) ?? 0]))
    }
    return yield* threads.lagging
  })

  /** One thread's failure is no other's. */
  const indexTopic = (topic: TopicId, cursor: number) =>
    topicIndexer.read(topic, cursor).pipe(
      Effect.as(true),
      // Neither a damaged log nor one of a version that nobody can read gets better by trying again.
      Effect.catchDefect((defect) => Effect.as(Effect.logError("a thread cannot be read", topic, defect), true)),
      Effect.catchReason("EventLogError", "LogCorrupt", (corrupt) => Effect.as(Effect.logError(corrupt.message), true)),
      Effect.catch((error) => {
        workQueue.add(topic)
        return Effect.as(Effect.logWarning("the search index is behind", error.message), false)
      })
    )

  const attempt = Effect.gen(function*() {
    const { everything, topics } = workQueue.take()
    return yield* Effect.gen(function*() {
      if (needsIndexCheck) yield* checkIndex
      const cursors = yield* selectDueTopics(topics.filter((topic) => kindOf(topic) === "thread"), everything)
      const outcomes = yield* Effect.forEach(cursors, ([topic, cursor]) => indexTopic(topic, cursor))
      return outcomes.every((outcome) => outcome)
    }).pipe(
      Effect.catch((error) => {
        workQueue.addAll()
        return Effect.as(Effect.logWarning("the search index cannot be brought up to date", error.message), false)
      })
    )
  })

  const round = Effect.gen(function*() {
    if (yield* attempt) {
      failures = 0
      return workQueue.markIdleIfEmpty()
    }
    failures += 1
    yield* Effect.sleep(backoffDelay(failures, null))
  })

  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const unsubscribes = [
        log.onAppend((topic) => kindOf(topic) === "thread" && workQueue.add(topic)),
        database.onCollectionLost(onCollectionLost)
      ]
      return () => unsubscribes.forEach((unsubscribe) => unsubscribe())
    }),
    (stop) => Effect.sync(stop)
  )
  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* workQueue.awaitWork
      yield* round
    }
  }))

  return SearchIndexer.of({
    awaitCaughtUp: workQueue.idle,
    rebuild: Effect.sync(() => {
      rebuildRequested = true
      workQueue.addAll()
    }),
    reindexFrom: (topic, seq) =>
      Effect.tap(topicIndexer.reindexFrom(topic, seq), () => Effect.sync(() => workQueue.add(topic))),
    status: Effect.sync(() => ({ pendingTopics: workQueue.size(), failures }))
  })
})

/** Starts to catch up at once, in the background. */
export const layer: Layer.Layer<
  SearchIndexer,
  never,
  EventLog | Kinds | Database | VectorIndex | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(SearchIndexer, make)

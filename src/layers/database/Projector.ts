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
import { kindOf, type TopicId } from "../../domain/Ids.ts"
import { backoff } from "../../domain/storage/Storage.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { Projector } from "../../services/Projector.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as Indexer from "./Indexer.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Threads whose fold is kept in memory; the others are read again from their start. */
const foldLimit = 1024
/** Hints kept before "look at everything" takes their place. */
const hintLimit = 4096

/** The id of no point. */
const nobody = "00000000-0000-0000-0000-000000000000"

/** Which threads have something new. Written to by whoever appends, on their turn. */
const makeHints = () => {
  const topics = new Set<TopicId>()
  let everything = true
  const idle = Latch.makeUnsafe(false)
  const wake = Latch.makeUnsafe(true)
  const rouse = () => {
    Latch.closeUnsafe(idle)
    Latch.openUnsafe(wake)
  }
  return {
    add: (topic: TopicId) => {
      if (topics.size < hintLimit) topics.add(topic)
      else everything = true
      rouse()
    },
    addAll: () => {
      everything = true
      rouse()
    },
    /** Takes what there is. */
    take: () => {
      const taken = { topics: Array.from(topics), everything }
      topics.clear()
      everything = false
      Latch.closeUnsafe(wake)
      return taken
    },
    /** Nothing is left of what was taken. */
    rest: () => {
      if (topics.size === 0 && !everything) Latch.openUnsafe(idle)
    },
    size: () => topics.size,
    idle: Latch.await(idle),
    awaken: Latch.await(wake)
  } as const
}

/** Takes in one thread, page by page, from what is known of it. Stops without a word when the index is `lost` meanwhile. */
const makeReader = Effect.fnUntraced(function*(threads: ThreadReader.ThreadReader, lost: () => boolean) {
  const log = yield* EventLog
  const { name } = yield* PriorsCollection
  const index = yield* Indexer.make
  const folds = new Map<TopicId, ThreadReader.Fold>()

  const keep = (topic: TopicId, fold: ThreadReader.Fold) => {
    folds.delete(topic)
    folds.set(topic, fold)
    if (folds.size > foldLimit) { for (const oldest of folds.keys()) return void folds.delete(oldest) }
  }

  const readOn = Effect.fnUntraced(function*(topic: TopicId, cursor: number) {
    const known = folds.get(topic)
    let fold = known !== undefined && known.seq <= cursor ? known : ThreadReader.unread
    while (true) {
      const page = yield* threads.page(topic, fold)
      fold = page.fold
      yield* index(page.drafts.filter((draft) => draft.payload.log_seq > cursor))
      // The cursors have been put back, and must stay there until everything comes again.
      if (lost()) return
      if (fold.seq > cursor) yield* log.advance(name, topic, fold.seq)
      keep(topic, fold)
      if (page.last) return
    }
  })

  // What is to be read again, whatever a round that has begun already thinks of the cursor.
  const retakes = new Map<TopicId, number>()
  const turn = yield* Semaphore.make(1)

  /** Reads on from what is known; texts after `cursor` are stored. The cursor moves after each page. */
  const read = (topic: TopicId, cursor: number) =>
    Effect.suspend(() => readOn(topic, Math.min(cursor, retakes.get(topic) ?? cursor))).pipe(
      Effect.tap(() => Effect.sync(() => retakes.delete(topic))),
      (reading) => Semaphore.withPermit(turn, reading)
    )

  /** The next reading begins after `seq`. */
  const retake = (topic: TopicId, seq: number) =>
    log.advance(name, topic, seq).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          folds.delete(topic)
          retakes.set(topic, Math.min(seq, retakes.get(topic) ?? seq))
        })
      ),
      (resetting) => Semaphore.withPermit(turn, resetting)
    )

  return { read, retake, cursor: (topic: TopicId) => folds.get(topic)?.seq, forget: () => folds.clear() }
})

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const engine = yield* VectorIndex
  const collection = yield* PriorsCollection
  const threads = yield* ThreadReader.make
  const hints = makeHints()
  let failures = 0
  // At start too: an index that is empty is filled from the logs' beginnings.
  let doubtful = true
  // Asked for at any time, also while a round runs: the next one does it.
  let rebuild = false
  const reader = yield* makeReader(threads, () => rebuild)

  const checkIndex = Effect.gen(function*() {
    // By way of the database, which makes the collection if it must, and from here on knows when it is gone.
    yield* database.execute({ _tag: "Delete", collection: collection.name, ids: [nobody] })
    if ((yield* engine.count(collection.name)) === 0) rebuild = true
    doubtful = false
  })

  /** Puts every thread's cursor back, before anything is stored: a crash on the way leaves an index that is behind. */
  const putBack = Effect.flatMap(threads.all, Effect.forEach((topic) => log.advance(collection.name, topic, 0)))

  const startOver = Effect.gen(function*() {
    yield* putBack
    reader.forget()
    rebuild = false
  })

  /** Before the collection is made anew: the next round, of whichever process, takes in everything. */
  const onLost = (lost: string) =>
    Effect.suspend(() => {
      if (lost !== collection.name) return Effect.succeed(true)
      rebuild = true
      hints.addAll()
      return Effect.match(putBack, { onFailure: () => false, onSuccess: () => true })
    })

  /** Which threads to read, and from where. */
  const due = Effect.fnUntraced(function*(topics: ReadonlyArray<TopicId>, everything: boolean) {
    if (rebuild) yield* startOver
    else if (!everything && topics.every((topic) => reader.cursor(topic) !== undefined)) {
      return new Map(topics.map((topic) => [topic, reader.cursor(topic) ?? 0]))
    }
    return yield* threads.lagging
  })

  /** One thread's failure is no other's. */
  const take = (topic: TopicId, cursor: number) =>
    reader.read(topic, cursor).pipe(
      Effect.as(true),
      // Neither a damaged log nor one of a version that nobody can read gets better by trying again.
      Effect.catchDefect((defect) => Effect.as(Effect.logError("a thread cannot be read", topic, defect), true)),
      Effect.catchReason("EventLogError", "LogCorrupt", (corrupt) => Effect.as(Effect.logError(corrupt.message), true)),
      Effect.catch((error) => {
        hints.add(topic)
        return Effect.as(Effect.logWarning("the search index is behind", error.message), false)
      })
    )

  const attempt = Effect.gen(function*() {
    const { everything, topics } = hints.take()
    return yield* Effect.gen(function*() {
      if (doubtful) yield* checkIndex
      const cursors = yield* due(topics.filter((topic) => kindOf(topic) === "thread"), everything)
      const outcomes = yield* Effect.forEach(cursors, ([topic, cursor]) => take(topic, cursor))
      return outcomes.every((outcome) => outcome)
    }).pipe(
      Effect.catch((error) => {
        hints.addAll()
        return Effect.as(Effect.logWarning("the search index cannot be brought up to date", error.message), false)
      })
    )
  })

  const round = Effect.gen(function*() {
    if (yield* attempt) {
      failures = 0
      return hints.rest()
    }
    failures += 1
    yield* Effect.sleep(backoff(failures, null))
  })

  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const stops = [
        log.onAppend((topic) => kindOf(topic) === "thread" && hints.add(topic)),
        database.onLost(onLost)
      ]
      return () => stops.forEach((stop) => stop())
    }),
    (stop) => Effect.sync(stop)
  )
  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* hints.awaken
      yield* round
    }
  }))

  return Projector.of({
    caughtUp: hints.idle,
    rebuild: Effect.sync(() => {
      rebuild = true
      hints.addAll()
    }),
    retake: (topic, seq) => Effect.tap(reader.retake(topic, seq), () => Effect.sync(() => hints.add(topic))),
    status: Effect.sync(() => ({ waiting: hints.size(), failures }))
  })
})

/** Starts to catch up at once, in the background. */
export const layer: Layer.Layer<
  Projector,
  never,
  EventLog | Kinds | Database | VectorIndex | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(Projector, make)

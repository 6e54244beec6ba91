/**
 * Keeps the search index in step with the threads' logs (STO4): one fiber, woken
 * by appends, that reads what it has not seen, embeds it and stores it.
 *
 * The log is the queue: what could not be stored stays behind the projection's
 * cursor and is tried again with back-off, for as long as it takes (STO6,
 * STO8). Threads never wait for it.
 */
import { Effect, Latch, Layer, Schema } from "effect"
import type { EmbeddingModel } from "effect/ai"
import * as Chunks from "../../domain/Chunks.ts"
import { kindOf, type TopicId } from "../../domain/Ids.ts"
import * as ThreadModel from "../../domain/kinds/ThreadModel.ts"
import type { Entry } from "../../domain/Log.ts"
import * as Published from "../../domain/Published.ts"
import { backoff } from "../../domain/Storage.ts"
import { upcast } from "../../domain/Topic.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Projector } from "../../services/Projector.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as Indexer from "./Indexer.ts"
import * as PointId from "./PointId.ts"

/** Entries read at a time; the cursor moves after each page. */
const page = 256
/** Threads whose fold is kept in memory; the others are read again from their start. */
const foldLimit = 1024
/** Hints kept before "look at everything" takes their place. */
const hintLimit = 4096

/** How far a thread has been read, and what that amounts to. */
interface Fold {
  readonly seq: number
  readonly state: Published.State
}

const unread: Fold = { seq: 0, state: Published.initial }

const decode = Schema.decodeUnknownOption(ThreadModel.Event)

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

/** Takes in one thread, page by page, from what is known of it. */
const makeReader = Effect.gen(function*() {
  const log = yield* EventLog
  const kinds = yield* Kinds
  const { embedModel, name } = yield* PriorsCollection
  const index = yield* Indexer.make
  const folds = new Map<TopicId, Fold>()

  const publishedBy = (state: Published.State, entry: Entry) => {
    const kind = kinds.get(kindOf(entry.topic))
    const event = decode(kind === undefined ? entry.event : upcast(kind, entry.version, entry.event))
    return event._tag === "None" ? [state, undefined] as const : Published.step(state, entry, event.value)
  }

  const keep = (topic: TopicId, fold: Fold) => {
    folds.delete(topic)
    folds.set(topic, fold)
    if (folds.size > foldLimit) { for (const oldest of folds.keys()) return void folds.delete(oldest) }
  }

  /** Reads on from what is known; texts after `cursor` are stored. */
  const read = Effect.fnUntraced(function*(topic: TopicId, cursor: number) {
    const known = folds.get(topic)
    let { seq, state } = known !== undefined && known.seq <= cursor ? known : unread
    while (true) {
      const entries = yield* log.read(topic, { after: seq, limit: page })
      const drafts: Array<PointId.Draft> = []
      for (const entry of entries) {
        const [next, text] = publishedBy(state, entry)
        state = next
        seq = entry.seq
        if (text !== undefined && seq > cursor) {
          drafts.push(...PointId.drafts(text, Chunks.split(text.content), embedModel))
        }
      }
      yield* index(drafts)
      if (seq > cursor) yield* log.advance(name, topic, seq)
      keep(topic, { seq, state })
      if (entries.length < page) return
    }
  })

  return { read, cursor: (topic: TopicId) => folds.get(topic)?.seq, forget: () => folds.clear() }
})

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const engine = yield* VectorIndex
  const collection = yield* PriorsCollection
  const reader = yield* makeReader
  const hints = makeHints()
  let failures = 0
  // At start too: an index that is empty is filled from the logs' beginnings.
  let doubtful = true
  // Asked for at any time, also while a round runs: the next one does it.
  let rebuild = false

  /** Threads that lag, with how far they were taken in. */
  const lagging = Effect.fnUntraced(function*(projection: string) {
    const all = yield* log.lagging(projection)
    return new Map(all.filter(({ topic }) => kindOf(topic) === "thread").map(({ seq, topic }) => [topic, seq]))
  })

  const checkIndex = Effect.gen(function*() {
    const count = yield* engine.ensure(collection.name, collection).pipe(
      Effect.andThen(engine.count(collection.name))
    )
    if (count === 0) rebuild = true
    doubtful = false
  })

  /** Puts every thread's cursor back, before anything is stored: a crash on the way leaves an index that is behind. */
  const startOver = Effect.gen(function*() {
    // Nobody advances this projection: every thread lags in it.
    const all = yield* lagging(`${collection.name}/none`)
    yield* Effect.forEach(all.keys(), (topic) => log.advance(collection.name, topic, 0))
    reader.forget()
    rebuild = false
  })

  /** Which threads to read, and from where. */
  const due = Effect.fnUntraced(function*(topics: ReadonlyArray<TopicId>, everything: boolean) {
    if (rebuild) yield* startOver
    else if (!everything && topics.every((topic) => reader.cursor(topic) !== undefined)) {
      return new Map(topics.map((topic) => [topic, reader.cursor(topic) ?? 0]))
    }
    return yield* lagging(collection.name)
  })

  /** One thread's failure is no other's. */
  const take = (topic: TopicId, cursor: number) =>
    reader.read(topic, cursor).pipe(
      Effect.as(true),
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
        database.onLost((lost) => {
          if (lost !== collection.name) return
          rebuild = true
          hints.addAll()
        })
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
    status: Effect.sync(() => ({ waiting: hints.size(), failures }))
  })
})

/** Starts to catch up at once, in the background. */
export const layer: Layer.Layer<
  Projector,
  never,
  EventLog | Kinds | Database | VectorIndex | PriorsCollection | EmbeddingModel.EmbeddingModel
> = Layer.effect(Projector, make)

/** Indexes single threads: reads on from the projection's cursor, stores what was published, and advances the cursor (STO4, STO8). */
import { Effect, Semaphore } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import * as DraftIndexer from "./DraftIndexer.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Threads whose read state is cached; the others are read again from their start. */
const readStateLimit = 1024

/** Threads read and stored one at a time. A page whose index is lost meanwhile (`isIndexLost`) does not advance the cursor. */
export const make = Effect.fnUntraced(function*(threads: ThreadReader.ThreadReader, isIndexLost: () => boolean) {
  const log = yield* EventLog
  const { name } = yield* PriorsCollection
  const draftIndexer = yield* DraftIndexer.make
  const readStates = new Map<TopicId, ThreadReader.ReadState>()
  /** Resets since the current round began, which may hold a later cursor. */
  const cursorResets = new Map<TopicId, number>()
  const lock = yield* Semaphore.make(1)

  const indexPages = Effect.fnUntraced(function*(topic: TopicId, cursor: number) {
    const cached = readStates.get(topic)
    // A cursor that texts set aside hold back is no reason to read the thread again.
    const readTo = cached !== undefined && draftIndexer.cursorOf(topic, cached.seq) === cursor ? cached.seq : cursor
    const isContinued = cached !== undefined && cached.seq <= readTo
    let readState = isContinued ? cached : ThreadReader.nothingRead
    while (true) {
      const page = yield* threads.page(topic, readState)
      readState = page.readState
      const drafts = page.drafts.filter((draft) => draft.payload.log_seq > readTo)
      // What was erased goes, whether anything can be embedded or not (TOP10).
      yield* draftIndexer.remove(page.removedIds)
      // Behind a cursor that was held back, most texts have been embedded and paid for.
      yield* (isContinued ? draftIndexer.store(drafts) : draftIndexer.storeMissing(drafts)).pipe(
        Effect.tapError(() => page.last ? Effect.void : removeErased(threads, draftIndexer, topic, page.readState))
      )
      // The cursors were reset, and must stay so until everything is indexed again.
      if (isIndexLost()) return
      const nextCursor = draftIndexer.cursorOf(topic, readState.seq)
      if (nextCursor > cursor) yield* log.setCursor(name, topic, nextCursor)
      cacheReadState(readStates, topic, readState)
      if (page.last) return
    }
  })

  /** Stores what the thread published after `cursor`. The cursor advances after each page. */
  const read = (topic: TopicId, cursor: number) =>
    Effect.suspend(() => indexPages(topic, Math.min(cursor, cursorResets.get(topic) ?? cursor))).pipe(
      Effect.tap(() => Effect.sync(() => cursorResets.delete(topic))),
      (reading) => Semaphore.withPermit(lock, reading)
    )

  /** Resets the cursor: the next reading begins after `seq`. */
  const reindexFrom = (topic: TopicId, seq: number) =>
    log.setCursor(name, topic, seq).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          readStates.delete(topic)
          draftIndexer.forgetAfter(topic, seq)
          cursorResets.set(topic, Math.min(seq, cursorResets.get(topic) ?? seq))
        })
      ),
      (resetting) => Semaphore.withPermit(lock, resetting)
    )

  /** Tries the texts set aside that are due. Their threads' cursors advance past those that no longer are. */
  const retryDue = Effect.gen(function*() {
    for (const topic of yield* draftIndexer.retryDue) {
      const readState = readStates.get(topic)
      if (readState === undefined || isIndexLost()) continue
      yield* log.setCursor(name, topic, draftIndexer.cursorOf(topic, readState.seq))
    }
  }).pipe((retrying) => Semaphore.withPermit(lock, retrying))

  return {
    read,
    reindexFrom,
    /** Tries texts that are set aside, once, when the first of them is due. */
    retryWhenDue: Effect.andThen(draftIndexer.awaitDue, retryDue),
    asideCount: draftIndexer.asideCount,
    /** How far the thread was read; undefined if its read state is not cached. */
    cursor: (topic: TopicId) => readStates.get(topic)?.seq,
    clearCache: () => {
      readStates.clear()
      draftIndexer.forgetAll()
    }
  }
})

/** Removes what was erased, of all pages after `readState`. */
const removeErased = Effect.fnUntraced(function*(
  threads: ThreadReader.ThreadReader,
  { remove }: Pick<Effect.Success<typeof DraftIndexer.make>, "remove">,
  topic: TopicId,
  after: ThreadReader.ReadState
) {
  let readState = after
  while (true) {
    const page = yield* threads.page(topic, readState)
    yield* remove(page.removedIds)
    if (page.last) return
    readState = page.readState
  }
})

/** Caches the read state in place of the oldest one. */
const cacheReadState = (
  readStates: Map<TopicId, ThreadReader.ReadState>,
  topic: TopicId,
  readState: ThreadReader.ReadState
): void => {
  readStates.delete(topic)
  readStates.set(topic, readState)
  if (readStates.size > readStateLimit) {
    for (const oldest of readStates.keys()) return void readStates.delete(oldest)
  }
}

/** Indexes single threads. */
export type ThreadIndexer = Effect.Success<ReturnType<typeof make>>

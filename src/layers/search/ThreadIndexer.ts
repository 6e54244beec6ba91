/** Indexes single threads: reads on from the projection's cursor, stores what was published, and advances the cursor (STO4). */
import { Effect, Semaphore } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import * as MessageIndexer from "./MessageIndexer.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Threads whose read state is cached; the others are read again from their start. */
const readStateLimit = 1024

/** Threads read and stored one at a time. A page whose index is lost meanwhile (`isIndexLost`) does not advance the cursor. */
export const make = Effect.fnUntraced(function*(threads: ThreadReader.ThreadReader, isIndexLost: () => boolean) {
  const log = yield* EventLog
  const { name } = yield* PriorsCollection
  const indexDrafts = yield* MessageIndexer.make
  const readStates = new Map<TopicId, ThreadReader.ReadState>()
  /** Resets since the current round began, which may hold a later cursor. */
  const cursorResets = new Map<TopicId, number>()
  const lock = yield* Semaphore.make(1)

  const cacheReadState = (topic: TopicId, readState: ThreadReader.ReadState) => {
    readStates.delete(topic)
    readStates.set(topic, readState)
    if (readStates.size > readStateLimit) {
      for (const oldest of readStates.keys()) return void readStates.delete(oldest)
    }
  }

  const indexPages = Effect.fnUntraced(function*(topic: TopicId, cursor: number) {
    const cached = readStates.get(topic)
    let readState = cached !== undefined && cached.seq <= cursor ? cached : ThreadReader.nothingRead
    while (true) {
      const page = yield* threads.page(topic, readState)
      readState = page.readState
      yield* indexDrafts(page.drafts.filter((draft) => draft.payload.log_seq > cursor))
      // The cursors were reset, and must stay so until everything is indexed again.
      if (isIndexLost()) return
      if (readState.seq > cursor) yield* log.setCursor(name, topic, readState.seq)
      cacheReadState(topic, readState)
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
          cursorResets.set(topic, Math.min(seq, cursorResets.get(topic) ?? seq))
        })
      ),
      (resetting) => Semaphore.withPermit(lock, resetting)
    )

  return {
    read,
    reindexFrom,
    /** How far the thread was read; undefined if its read state is not cached. */
    cursor: (topic: TopicId) => readStates.get(topic)?.seq,
    clearCache: () => readStates.clear()
  }
})

/** Indexes single threads. */
export type ThreadIndexer = Effect.Success<ReturnType<typeof make>>

/** Reads the published text of threads from their logs, as points without vectors (STO4), to fill and verify the index. */
import { Effect, Result, Schema } from "effect"
import { kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import * as PublishedMessages from "../../domain/search/PublishedMessages.ts"
import * as TextChunker from "../../domain/search/TextChunker.ts"
import * as ThreadModel from "../../domain/thread/ThreadModel.ts"
import { decodeEntry } from "../../domain/topic/DurableState.ts"
import { type Erased, isErased } from "../../domain/topic/Erasure.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import { Kinds } from "../../services/Kinds.ts"
import * as PointDrafts from "./PointDrafts.ts"

/** Entries per page. */
const pageSize = 256

/** How far a thread was read, and the state of the projection there. */
export interface ReadState {
  readonly seq: number
  readonly state: PublishedMessages.PublicationState
}

/** Before the first entry. */
export const nothingRead: ReadState = { seq: 0, state: PublishedMessages.initial }

const isThreadEvent = Schema.is(ThreadModel.Event)

/** A reader of all threads, for the collection of priors. */
export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const kinds = yield* Kinds
  const { embedModel, name } = yield* PriorsCollection

  const decoded = (entry: Entry): unknown => {
    const kind = kinds.get(kindOf(entry.topic))
    return kind === undefined ? undefined : Result.getOrUndefined(decodeEntry(kind, entry))?.decoded
  }

  const projectEntry = (state: PublishedMessages.PublicationState, entry: Entry) => {
    const event = decoded(entry)
    return isThreadEvent(event) ? PublishedMessages.step(state, entry, event) : [state, undefined] as const
  }

  /** The ids of the points that held texts which an event has erased (TOP10). */
  const erasedPoints = Effect.fnUntraced(function*({ topic }: Entry, { seq, texts }: Erased) {
    const [entry] = yield* log.read(topic, { after: seq - 1, limit: 1 })
    const event = entry === undefined ? undefined : decoded(entry)
    return isThreadEvent(event) && (event._tag === "MessagePublished" || event._tag === "SubmissionOpened") &&
        texts.includes(event.content.c)
      ? PointDrafts.pointIds(topic, event.id, event.content.n)
      : []
  })

  /** The page after `readState`: the points that it publishes and removes, and whether it is the last one. */
  const page = Effect.fnUntraced(function*(topic: TopicId, readState: ReadState) {
    const entries = yield* log.read(topic, { after: readState.seq, limit: pageSize })
    const drafts: Array<PointDrafts.PointDraft> = []
    const removedIds: Array<string> = []
    let { seq, state } = readState
    for (const entry of entries) {
      if (isErased(entry.event)) removedIds.push(...(yield* erasedPoints(entry, entry.event)))
      const [next, text] = projectEntry(state, entry)
      state = next
      seq = entry.seq
      const content = text?.content.text
      if (text !== undefined && typeof content === "string") {
        drafts.push(...PointDrafts.draftPoints(text, TextChunker.splitIntoChunks(content), embedModel))
      }
    }
    const after: ReadState = { seq, state }
    // The text of a submission may have been read before it was erased.
    const removed = new Set(removedIds)
    const kept = drafts.filter(({ id }) => !removed.has(id))
    return { readState: after, drafts: kept, removedIds, last: entries.length < pageSize }
  })

  /** The threads with entries after the projection's cursor, with that cursor; all threads for an unused projection. */
  const lagging = Effect.fnUntraced(function*(projection: string) {
    const all = yield* log.laggingTopics(projection)
    return new Map(all.filter(({ topic }) => kindOf(topic) === "thread").map(({ seq, topic }) => [topic, seq]))
  })

  return { page, lagging: lagging(name), all: Effect.map(lagging(`${name}/none`), (all) => Array.from(all.keys())) }
})

/** Reads threads page by page. */
export type ThreadReader = Effect.Success<typeof make>

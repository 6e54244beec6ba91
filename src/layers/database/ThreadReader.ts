/** Threads' logs read for what they publish, as points to be (STO4). Used to fill the index and to check it. */
import { Effect, Schema } from "effect"
import { kindOf, type TopicId } from "../../domain/Ids.ts"
import * as ThreadModel from "../../domain/kinds/ThreadModel.ts"
import type { Entry } from "../../domain/Log.ts"
import * as Chunks from "../../domain/storage/Chunks.ts"
import * as Published from "../../domain/storage/Published.ts"
import { upcast } from "../../domain/Topic.ts"
import { PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import { Kinds } from "../../services/Kinds.ts"
import * as PointId from "./PointId.ts"

/** Entries read at a time. */
const pageSize = 256

/** How far a thread has been read, and what that amounts to. */
export interface Fold {
  readonly seq: number
  readonly state: Published.State
}

export const unread: Fold = { seq: 0, state: Published.initial }

const decode = Schema.decodeUnknownOption(ThreadModel.Event)

export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const kinds = yield* Kinds
  const { embedModel, name } = yield* PriorsCollection

  const step = (state: Published.State, entry: Entry) => {
    const kind = kinds.get(kindOf(entry.topic))
    const event = decode(kind === undefined ? entry.event : upcast(kind, entry.version, entry.event))
    return event._tag === "None" ? [state, undefined] as const : Published.step(state, entry, event.value)
  }

  /** The next page after `fold`, and what it publishes. */
  const page = Effect.fnUntraced(function*(topic: TopicId, fold: Fold) {
    const entries = yield* log.read(topic, { after: fold.seq, limit: pageSize })
    const drafts: Array<PointId.Draft> = []
    let { seq, state } = fold
    for (const entry of entries) {
      const [next, text] = step(state, entry)
      state = next
      seq = entry.seq
      if (text !== undefined) drafts.push(...PointId.drafts(text, Chunks.split(text.content), embedModel))
    }
    const after: Fold = { seq, state }
    return { fold: after, drafts, last: entries.length < pageSize }
  })

  /** Threads that a projection has not wholly taken in, with how far it has; all of them for one that nobody advances. */
  const lagging = Effect.fnUntraced(function*(projection: string) {
    const all = yield* log.lagging(projection)
    return new Map(all.filter(({ topic }) => kindOf(topic) === "thread").map(({ seq, topic }) => [topic, seq]))
  })

  return { page, lagging: lagging(name), all: Effect.map(lagging(`${name}/none`), (all) => Array.from(all.keys())) }
})

export type ThreadReader = Effect.Success<typeof make>

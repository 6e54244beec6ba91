/**
 * The event log and the directory in memory: the same contract as in SQL, for tests and simulation.
 *
 * **When to use**
 *
 * Provide it where a log may be lost with the process. `EventLogSql` keeps one.
 *
 * **Details**
 *
 * Entries are chained and numbered by the functions that `EventLogSql` uses, and both pass one contract suite. Everything
 * is durable at once: there is no fsync to wait for.
 *
 * **Gotchas**
 *
 * - Each build is an empty log of its own: share one layer value between the parts that are to see the same log.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const head = Effect.flatMap(Services.EventLog.EventLog, (log) => log.head(Domain.Ids.TopicId.make("note:one")))
 * console.log((await Effect.runPromise(Effect.provide(head, Layers.EventLogMemory.layer)))._tag)
 * // => None
 * ```
 */
import { Context, Effect, Layer, Option } from "effect"
import { kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import type { ProcessedCommand } from "../../domain/topic/Deduplication.ts"
import { advanceHead, emptyHead, type Entry, type LogHead } from "../../domain/topic/Log.ts"
import type { Snapshot } from "../../domain/topic/Snapshots.ts"
import { canAllRead } from "../../domain/topic/TopicAccess.ts"
import { Directory, type ListedTopic } from "../../services/Directory.ts"
import { type AppendRequest, EventLog } from "../../services/EventLog.ts"
import * as ChainVerification from "./ChainVerification.ts"

interface StoredTopic {
  head: LogHead
  readonly entries: Array<Entry>
  readonly processedCommands: Map<string, ProcessedCommand>
  wakeAt: number | undefined
  hasPendingIntents: boolean
  listing: ListedTopic | undefined
  snapshot: Snapshot | undefined
}

const applyAppend = (
  topics: Map<TopicId, StoredTopic>,
  request: AppendRequest,
  entries: ReadonlyArray<Entry>,
  newHead: LogHead
) => {
  const { listing, hasPendingIntents, eventlessCommands = [], topic, wakeAt } = request
  const stored: StoredTopic = topics.get(topic) ??
    {
      head: newHead,
      entries: [],
      processedCommands: new Map(),
      wakeAt,
      hasPendingIntents,
      listing: undefined,
      snapshot: undefined
    }
  topics.set(topic, stored)
  stored.head = advanceHead(stored.head, entries)
  stored.wakeAt = wakeAt
  stored.hasPendingIntents = hasPendingIntents
  if (listing !== undefined) stored.listing = listing === null ? undefined : { ...listing, topic }
  for (const entry of entries) {
    // A copy, as a database returns one: the caller may go on using its own.
    stored.entries.push({ ...entry, event: structuredClone(entry.event) })
    const { asked, author, cause, seq } = entry
    stored.processedCommands.set(cause, { seq, author, ...(asked === undefined ? undefined : { commandHash: asked }) })
  }
  for (const { id, ...command } of eventlessCommands) stored.processedCommands.set(id, command)
}

const makeLog = (topics: Map<TopicId, StoredTopic>): EventLog["Service"] => {
  const listeners = new Set<(topic: TopicId) => void>()
  const cursors = new Map<string, number>()
  const readCursor = (projection: string, topic: TopicId) => cursors.get(`${projection} ${topic}`) ?? 0
  return {
    append: Effect.fnUntraced(function*(request) {
      yield* ChainVerification.assertContiguousDrafts(request)
      // A commit takes a turn, as with a disk.
      yield* Effect.yieldNow
      const newHead = emptyHead(request.topic, yield* ChainVerification.generateEpoch)
      const entries = yield* Effect.fromResult(
        ChainVerification.chainDrafts(topics.get(request.topic)?.head ?? newHead, request)
      )
      applyAppend(topics, request, entries, newHead)
      if (entries.length > 0) listeners.forEach((listener) => listener(request.topic))
      return entries
    }),
    head: (topic) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.head)),
    read: (topic, { after, limit }) =>
      Effect.sync(() => topics.get(topic)?.entries.slice(after, after + Math.max(0, limit)) ?? []),
    findProcessedCommand: (topic, command) =>
      Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.processedCommands.get(command))),
    snapshot: (topic) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.snapshot)),
    saveSnapshot: (topic, snapshot) =>
      Effect.sync(() => {
        const stored = topics.get(topic)
        if (stored !== undefined) stored.snapshot = snapshot
      }),
    topicsToRecover: Effect.sync(() =>
      [...topics].filter(([, { hasPendingIntents, wakeAt }]) => hasPendingIntents || wakeAt !== undefined)
        .map(([topic, { hasPendingIntents, wakeAt }]) => ({ topic, wakeAt, hasPendingIntents }))
    ),
    laggingTopics: (projection) =>
      Effect.sync(() =>
        [...topics].map(([topic, { head }]) => ({ topic, seq: readCursor(projection, topic), head: head.position.seq }))
          .filter(({ head, seq }) => head > seq)
          .map(({ seq, topic }) => ({ topic, seq }))
      ),
    setCursor: (projection, topic, seq) => Effect.sync(() => void cursors.set(`${projection} ${topic}`, seq)),
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}

const makeDirectory = (topics: Map<TopicId, StoredTopic>): Directory["Service"] => {
  const listings = () => [...topics.values()].flatMap(({ listing }) => listing === undefined ? [] : [listing])
  return {
    list: (user, { includePublic, kind, limit }) =>
      Effect.sync(() =>
        listings()
          .filter((listing) => kindOf(listing.topic) === kind)
          .filter((listing) => listing.members.includes(user) || includePublic && listing.visibility === "public")
          .sort((a, b) => b.updatedAt - a.updatedAt || (a.topic < b.topic ? -1 : 1))
          .slice(0, limit)
      ),
    canRead: (user, topic) =>
      Effect.sync(() => {
        const listing = topics.get(topic)?.listing
        return listing !== undefined && (listing.visibility === "public" || listing.members.includes(user))
      }),
    readersOf: (ids) =>
      Effect.sync(() =>
        new Map(ids.flatMap((id) => {
          const listing = topics.get(id)?.listing
          return listing === undefined
            ? []
            : [[id, { visibility: listing.visibility, members: listing.members }] as const]
        }))
      ),
    topicsSharedBy: (topic) =>
      Effect.sync(() => {
        const readers = topics.get(topic)?.listing
        if (readers === undefined || readers.visibility === "public") return []
        return listings()
          .filter(({ members }) => canAllRead(readers, { visibility: "members", members }))
          .map((listing) => listing.topic)
          .sort()
      })
  }
}

/** An empty log. */
export const layer: Layer.Layer<EventLog | Directory> = Layer.effectContext(Effect.sync(() => {
  const topics = new Map<TopicId, StoredTopic>()
  return Context.make(EventLog, makeLog(topics)).pipe(Context.add(Directory, makeDirectory(topics)))
}))

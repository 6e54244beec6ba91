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
import { Context, Effect, Layer, Option, Struct } from "effect"
import { hostOf, kindOf, type TopicId } from "../../domain/protocol/Ids.ts"
import { authorOf } from "../../domain/protocol/Principal.ts"
import { noOpenings, type Opening, type Openings } from "../../domain/protocol/Seal.ts"
import type { ProcessedCommand } from "../../domain/topic/Deduplication.ts"
import type { TextAddress } from "../../domain/topic/Derivation.ts"
import { type Erased, isErased } from "../../domain/topic/Erasure.ts"
import { type ChainedDrafts, emptyHead, type Entry, type LogHead, openEntry } from "../../domain/topic/Log.ts"
import { isSealedText, openingsFrom, SealedText } from "../../domain/topic/SealedText.ts"
import type { Snapshot } from "../../domain/topic/Snapshots.ts"
import type { Listing } from "../../domain/topic/Topic.ts"
import { canAllRead, isReader } from "../../domain/topic/TopicAccess.ts"
import { Directory, type ListedTopic } from "../../services/Directory.ts"
import { type AppendRequest, EventLog, EventLogError, SourceErased } from "../../services/EventLog.ts"
import * as ChainVerification from "./ChainVerification.ts"

interface StoredTopic {
  /** Undefined before the first append: texts may be set aside for a log that there is not yet. */
  head: LogHead | undefined
  /** Openings of texts that no entry holds yet. */
  readonly aside: Map<string, Opening>
  /** The topics with entries that were made from texts of this one. */
  readonly derived: Array<Pick<TextAddress, "c" | "topic">>
  /** Texts that were erased and not deleted yet, with the seq of the event that erased them. */
  readonly erased: Map<string, { readonly text: string; readonly by: number }>
  /** Each with what stands beside itself. */
  readonly entries: Array<Entry>
  readonly processedCommands: Map<string, ProcessedCommand>
  wakeAt: number | undefined
  hasPendingIntents: boolean
  listing: Listing | undefined
  snapshot: Snapshot | undefined
}

const newTopic = (): StoredTopic => ({
  head: undefined,
  aside: new Map(),
  derived: [],
  erased: new Map(),
  entries: [],
  processedCommands: new Map(),
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: undefined,
  snapshot: undefined
})

/** Applies an append; the events are copied, as a database does: the caller may go on using its own. */
const applyAppend = (stored: StoredTopic, request: AppendRequest, { entries, events, head }: ChainedDrafts) => {
  const { listing, hasPendingIntents, eventlessCommands = [], wakeAt } = request
  stored.head = head
  stored.wakeAt = wakeAt
  stored.hasPendingIntents = hasPendingIntents
  if (listing !== undefined) stored.listing = listing ?? undefined
  for (const [i, entry] of entries.entries()) {
    const { aside, json, texts } = events[i]!
    stored.entries.push({ ...entry, event: JSON.parse(json), open: openingsFrom(texts.values()) })
    for (const c of aside) stored.aside.delete(c)
    if (isErased(entry.event)) eraseTexts(stored, entry.event, entry.seq)
    const { command_hash, cause, principal, seq } = entry
    const command = { seq, author: authorOf(principal) }
    stored.processedCommands.set(
      cause,
      command_hash === undefined ? command : { ...command, commandHash: command_hash }
    )
  }
  for (const { id, ...command } of eventlessCommands) stored.processedCommands.set(id, command)
}

/** The entry that a text of the entry `seq` stands beside. */
const storingEntry = ({ entries }: StoredTopic, seq: number, c: string): Entry | undefined =>
  entries[(entries[seq - 1]?.textSeqs[c] ?? seq) - 1]

const eraseTexts = (stored: StoredTopic, { seq, texts }: Erased, by: number) => {
  for (const c of texts) {
    const entry = storingEntry(stored, seq, c)
    const opening = entry?.open[c]
    if (entry === undefined || opening === undefined) continue
    stored.erased.set(c, { text: opening[1], by })
    stored.entries[entry.seq - 1] = { ...entry, open: Struct.omit(entry.open, [c]) }
  }
}

const hasText = (stored: StoredTopic | undefined, { c, seq }: TextAddress): boolean =>
  stored !== undefined && storingEntry(stored, seq, c)?.open[c] !== undefined

type Texts = Pick<
  EventLog["Service"],
  "openings" | "openingsAside" | "setAside" | "dropAside" | "erasedTexts" | "derivedTopics" | "deleteErased"
>

const makeTexts = (
  topics: Map<TopicId, StoredTopic>,
  topicOf: (topic: TopicId) => StoredTopic
): Texts => ({
  openings: (topic, seqs) =>
    Effect.sync(() => {
      const openings = new Map<number, Openings>()
      for (const seq of seqs) {
        const open = topics.get(topic)?.entries[seq - 1]?.open ?? noOpenings
        if (Object.keys(open).length > 0) openings.set(seq, open)
      }
      return openings
    }),
  openingsAside: (topic, commitments) =>
    Effect.sync(() =>
      Object.fromEntries(commitments.flatMap((c) => {
        const opening = topics.get(topic)?.aside.get(c)
        return opening === undefined ? [] : [[c, opening]]
      }))
    ),
  setAside: Effect.fnUntraced(function*(topic, openings) {
    yield* ChainVerification.assertOpenings(topic, openings)
    const stored = topicOf(topic)
    topics.set(topic, stored)
    for (const [c, opening] of Object.entries(openings)) stored.aside.set(c, opening)
  }),
  dropAside: (topic, commitments) =>
    Effect.sync(() => {
      for (const c of commitments) topics.get(topic)?.aside.delete(c)
    }),
  // All of them are the first page.
  erasedTexts: (last) =>
    Effect.sync(() =>
      last === undefined
        ? [...topics].flatMap(([topic, { erased }]) => [...erased].map(([c, { by, text }]) => ({ topic, c, text, by })))
        : []
    ),
  derivedTopics: ({ c, topic }) =>
    Effect.sync(() => [
      ...new Set((topics.get(topic)?.derived ?? []).filter((derived) => derived.c === c).map(({ topic }) => topic))
    ]),
  deleteErased: (texts) =>
    Effect.sync(() => {
      for (const { by, c, topic } of texts) {
        const erased = topics.get(topic)?.erased
        if (erased?.get(c)?.by === by) erased.delete(c)
      }
    })
})

const makeLog = (topics: Map<TopicId, StoredTopic>): EventLog["Service"] => {
  const listeners = new Set<(topic: TopicId, erases: boolean) => void>()
  const cursors = new Map<string, number>()
  const topicOf = (topic: TopicId) => topics.get(topic) ?? newTopic()
  const readCursor = (projection: string, topic: TopicId) => cursors.get(`${projection} ${topic}`) ?? 0
  return {
    append: Effect.fnUntraced(function*(request) {
      yield* ChainVerification.assertValidDrafts(request)
      // A commit takes a turn, as with a disk.
      yield* Effect.yieldNow
      const stored = topicOf(request.topic)
      const head = stored.head ?? emptyHead(yield* ChainVerification.generateEpoch)
      const { sources = [], topic } = request
      if (sources.some((source) => !hasText(topics.get(source.topic), source))) {
        return yield* new EventLogError({ reason: new SourceErased({ topic }) })
      }
      const chained = yield* Effect.fromResult(ChainVerification.chainDrafts(head, request))
      topics.set(topic, stored)
      for (const source of sources) topics.get(source.topic)?.derived.push({ c: source.c, topic })
      applyAppend(stored, request, chained)
      const erases = chained.entries.some(({ event }) => isErased(event))
      if (chained.entries.length > 0) listeners.forEach((listener) => listener(topic, erases))
      return chained.entries
    }),
    head: (topic) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.head)),
    read: (topic, { after, limit }) =>
      Effect.sync(() => {
        const stored = topics.get(topic)
        const entries = stored?.entries.slice(after, after + Math.max(0, limit)) ?? []
        return entries.map((entry) => openEntry(entry, (seq) => stored?.entries[seq - 1]?.open))
      }),
    ...makeTexts(topics, topicOf),
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
        [...topics].map(([topic, { head }]) => ({
          topic,
          seq: readCursor(projection, topic),
          head: head?.position.seq ?? 0
        }))
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

const titleText = (title: Listing["title"], { entries }: StoredTopic): string | null =>
  isSealedText(title) ? entries[(SealedText.seqOf(title) ?? 0) - 1]?.open[title.c]?.[1] ?? null : title

const makeDirectory = (topics: Map<TopicId, StoredTopic>): Directory["Service"] => {
  const listings = (): ReadonlyArray<ListedTopic> =>
    [...topics].flatMap(([topic, stored]) =>
      stored.listing === undefined
        ? []
        : [{ ...stored.listing, topic, title: titleText(stored.listing.title, stored) }]
    )
  return {
    list: (user, { host, includePublic, kind, limit }) =>
      Effect.sync(() =>
        listings()
          .filter((listing) => kindOf(listing.topic) === kind && hostOf(listing.topic) === host)
          .filter((listing) => listing.members.includes(user) || includePublic && listing.visibility === "public")
          .sort((a, b) => b.updatedAt - a.updatedAt || (a.topic < b.topic ? -1 : 1))
          .slice(0, limit)
      ),
    canRead: (user, topic) =>
      Effect.sync(() => {
        const listing = topics.get(topic)?.listing
        return listing !== undefined && isReader(listing, user)
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

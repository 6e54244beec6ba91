/** The event log and the directory in memory: the same contract, for tests and simulation. Gone with the process. */
import { Context, Effect, Layer, Option } from "effect"
import { kindOf, type TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import { Directory, type Listed } from "../../services/Directory.ts"
import { type Append, type Carried, EventLog, type Head, type Snapshot } from "../../services/EventLog.ts"
import * as Chain from "./Chain.ts"

interface Stored {
  head: Head
  readonly entries: Array<Entry>
  readonly outcomes: Map<string, Carried>
  wakeAt: number | undefined
  owed: boolean
  listing: Listed | undefined
  snapshot: Snapshot | undefined
}

const store = (topics: Map<TopicId, Stored>, append: Append, entries: ReadonlyArray<Entry>, unborn: Head) => {
  const { listing, owed, silent = [], topic, wakeAt } = append
  const stored: Stored = topics.get(topic) ??
    { head: unborn, entries: [], outcomes: new Map(), wakeAt, owed, listing: undefined, snapshot: undefined }
  topics.set(topic, stored)
  stored.head = Chain.advance(stored.head, entries)
  stored.wakeAt = wakeAt
  stored.owed = owed
  if (listing !== undefined) stored.listing = listing === null ? undefined : { ...listing, topic }
  for (const entry of entries) {
    // As a database would return it: a copy that nobody else holds.
    stored.entries.push({ ...entry, event: structuredClone(entry.event) })
    const { asked, author, cause, seq } = entry
    stored.outcomes.set(cause, { seq, author, ...(asked === undefined ? undefined : { asked }) })
  }
  for (const { id, ...carried } of silent) stored.outcomes.set(id, carried)
}

const makeLog = (topics: Map<TopicId, Stored>): EventLog["Service"] => {
  const listeners = new Set<(topic: TopicId) => void>()
  const cursors = new Map<string, number>()
  const cursor = (projection: string, topic: TopicId) => cursors.get(`${projection} ${topic}`) ?? 0
  return {
    append: Effect.fnUntraced(function*(append) {
      yield* Chain.checkDrafts(append)
      // A commit takes a turn: nobody sees its result in the one that asked for it.
      yield* Effect.yieldNow
      const unborn = Chain.unborn(append.topic, yield* Chain.newEpoch)
      const entries = yield* Effect.fromResult(Chain.chain(topics.get(append.topic)?.head ?? unborn, append))
      store(topics, append, entries, unborn)
      if (entries.length > 0) listeners.forEach((listener) => listener(append.topic))
      return entries
    }),
    head: (topic) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.head)),
    read: (topic, { after, limit }) =>
      Effect.sync(() => topics.get(topic)?.entries.slice(after, after + Math.max(0, limit)) ?? []),
    outcome: (topic, command) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.outcomes.get(command))),
    snapshot: (topic) => Effect.sync(() => Option.fromNullishOr(topics.get(topic)?.snapshot)),
    saveSnapshot: (topic, snapshot) =>
      Effect.sync(() => {
        const stored = topics.get(topic)
        if (stored !== undefined) stored.snapshot = snapshot
      }),
    waiting: Effect.sync(() =>
      [...topics].filter(([, { owed, wakeAt }]) => owed || wakeAt !== undefined)
        .map(([topic, { owed, wakeAt }]) => ({ topic, wakeAt, owed }))
    ),
    lagging: (projection) =>
      Effect.sync(() =>
        [...topics].map(([topic, { head }]) => ({ topic, seq: cursor(projection, topic), head: head.position.seq }))
          .filter(({ head, seq }) => head > seq)
          .map(({ seq, topic }) => ({ topic, seq }))
      ),
    advance: (projection, topic, seq) => Effect.sync(() => void cursors.set(`${projection} ${topic}`, seq)),
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}

const makeDirectory = (topics: Map<TopicId, Stored>): Directory["Service"] => {
  const listings = () => [...topics.values()].flatMap(({ listing }) => listing === undefined ? [] : [listing])
  return {
    list: (user, { all, kind, limit }) =>
      Effect.sync(() =>
        listings()
          .filter((listing) => kindOf(listing.topic) === kind)
          .filter((listing) => listing.members.includes(user) || all && listing.visibility === "public")
          .sort((a, b) => b.updatedAt - a.updatedAt || (a.topic < b.topic ? -1 : 1))
          .slice(0, limit)
      ),
    canRead: (user, topic) =>
      Effect.sync(() => {
        const listing = topics.get(topic)?.listing
        return listing !== undefined && (listing.visibility === "public" || listing.members.includes(user))
      }),
    memberships: (user) =>
      Effect.sync(() =>
        listings().filter((listing) => listing.members.includes(user)).map((listing) => listing.topic).sort()
      )
  }
}

/** An empty log. */
export const layer: Layer.Layer<EventLog | Directory> = Layer.effectContext(Effect.sync(() => {
  const topics = new Map<TopicId, Stored>()
  return Context.make(EventLog, makeLog(topics)).pipe(Context.add(Directory, makeDirectory(topics)))
}))

/**
 * Planted bugs: deliberate defects, each a small wrapper around a real layer. The simulator must find every one of them
 * within few seeds, which shows that its checkers and faults are strong enough.
 */
import { Effect, Option, Queue, Redacted, Result } from "effect"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import { encodeServerMessage } from "../../../domain/protocol/Protocol.ts"
import { toPublishedEvent } from "../../../domain/topic/CatchUp.ts"
import { emptyHead, type LogHead } from "../../../domain/topic/Log.ts"
import { isSealedText } from "../../../domain/topic/SealedText.ts"
import type { AnyKind } from "../../../domain/topic/Topic.ts"
import * as ChainVerification from "../../../layers/eventlog/ChainVerification.ts"
import type { Directory } from "../../../services/Directory.ts"
import type { EventLog, EventLogError } from "../../../services/EventLog.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import type { IssuedSession, Sessions } from "../../../services/Sessions.ts"
import type { Topics } from "../../../services/Topics.ts"
import type { VectorIndex } from "../../../services/VectorIndex.ts"
import type { SimulatedNetwork } from "../cluster/SimulatedNetwork.ts"
import type { PlantedBug } from "../cluster/SimulatedServer.ts"
import type { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import * as KindBugs from "./KindBugs.ts"
import * as TextBugs from "./TextBugs.ts"

const bugs = {
  "unordered-broadcast": () => ({ topics: publishOutOfOrder }),
  "subscribe-after-read": () => ({ topics: subscribeAfterRead }),
  "no-dedupe": () => withoutDeduplication(),
  "ack-before-sync": () => ({ log: acknowledgeBeforeSync }),
  "dirty-read": (runtime) => publishBeforeDurable(runtime),
  "read-inside-race": () => ({ network: readInsideRace }),
  "cached-authorisation": () => ({ kinds: cacheReadAccess }),
  "ignored-upsert-errors": () => ({ index: ignoreUpsertErrors }),
  "stripped-hashes": () => ({ network: stripHashes }),
  "drain-without-goodbye": () => ({ drain: Effect.void }),
  "every-vote-counts": () => KindBugs.countDuplicateVotes,
  "unqueued-runs": () => KindBugs.startRunsAtOnce,
  "stakes-paid-twice": () => KindBugs.repeatShares,
  "created-rewards": () => KindBugs.createRewards,
  "rejected-stakes-kept": () => KindBugs.holdRejectedStakes,
  "search-for-one-reader": () => ({ directory: searchForOneReader }),
  "search-after-join": () => KindBugs.searchOnAfterJoin,
  "cached-sessions": () => ({ sessions: cacheSessions }),
  "sign-out-of-one-connection": () => ({ sessions: ignoreRevocations }),
  "trimmed-texts": () => TextBugs.trimPublishedTexts,
  "texts-in-snapshots": () => TextBugs.keepTextsInSnapshots,
  "texts-in-offers": () => TextBugs.offerTexts,
  "cached-texts": () => TextBugs.cacheTexts(),
  "copies-kept": () => TextBugs.keepRepeats,
  "points-kept": () => TextBugs.keepPoints
} satisfies Readonly<Record<string, (runtime: SimulationRuntime) => PlantedBug>>

/** The name of a planted bug. */
export type BugName = keyof typeof bugs

/** Every planted bug, as `--bug` names it. */
export const bugNames = Object.keys(bugs) as ReadonlyArray<BugName>

/** The replacement services of a planted bug. */
export const plantBug = (name: BugName, runtime: SimulationRuntime): PlantedBug => bugs[name](runtime)

type EventLogService = EventLog["Service"]
type SessionsService = Sessions["Service"]
type TopicsService = Topics["Service"]

/** Decides about each frame of a subscription; `deliver` delivers it as the server would. */
const interceptFrames = (
  topics: TopicsService,
  intercept: (frame: OutboundFrame, deliver: () => void, topic: TopicId) => void
): TopicsService => ({
  ...topics,
  subscribe: (topic, subscriber, from, reply) => {
    const deliver = (frame: OutboundFrame) => intercept(frame, () => subscriber.deliver(frame), topic)
    topics.subscribe(topic, { ...subscriber, deliver }, from, reply)
  }
})

/** Delays each durable frame by a random time, so that frames overtake each other. */
const publishOutOfOrder = (topics: TopicsService, process: SimulatedProcess): TopicsService =>
  interceptFrames(topics, (frame, deliver) => {
    if (frame.lane._tag === "Durable") process.schedule(process.random.int(0, 10), deliver)
    else deliver()
  })

/** Reads the snapshot first and subscribes later: events in between are lost. */
const subscribeAfterRead = (topics: TopicsService, process: SimulatedProcess): TopicsService => ({
  ...topics,
  subscribe: (topic, subscriber, from, reply) => {
    const reader = { ...subscriber, id: `${subscriber.id} reads`, deliver: () => undefined }
    topics.subscribe(topic, reader, from, (outcome) => {
      topics.unsubscribe(topic, reader.id)
      if (Result.isFailure(outcome)) return reply(outcome)
      process.schedule(process.random.int(1, 30), () => {
        topics.subscribe(topic, subscriber, outcome.success.position, () => reply(outcome))
      })
    })
  }
})

/** A command that is sent again to the same server process is applied again. */
const withoutDeduplication = (): Pick<PlantedBug, "log" | "topics"> => {
  const suffix = /#\d+/g
  return {
    topics: (topics) => {
      const seen = new Map<string, number>()
      return {
        ...topics,
        post: (topic, submission) => {
          const attempts = seen.get(submission.id) ?? 0
          seen.set(submission.id, attempts + 1)
          const id = attempts === 0 ? submission.id : (`${submission.id}#${attempts}` as typeof submission.id)
          topics.post(topic, { ...submission, id })
        }
      }
    },
    log: (log) => ({
      ...log,
      append: (append) =>
        log.append({
          ...append,
          drafts: append.drafts.map((draft) => mapStrings(draft, (text) => text.replace(suffix, "")))
        })
    })
  }
}

/** A value with every string replaced, but for its texts. */
const mapStrings = <T>(value: T, change: (text: string) => string): T => {
  const map = (value: unknown): unknown => {
    if (typeof value === "string") return change(value)
    if (Array.isArray(value)) return value.map(map)
    return typeof value !== "object" || value === null || isSealedText(value)
      ? value
      : Object.fromEntries(Object.entries(value).map(([key, field]) => [key, map(field)]))
  }
  return map(value) as T
}

/** Acknowledges appends before they are synced. */
const acknowledgeBeforeSync = (log: EventLogService, process: SimulatedProcess): EventLogService => {
  const heads = new Map<TopicId, LogHead>()
  return {
    ...log,
    append: Effect.fnUntraced(function*(append) {
      const { topic } = append
      const durable = yield* durableHead(log, topic)
      const { entries, head } = yield* Effect.fromResult(
        ChainVerification.chainDrafts(heads.get(topic) ?? durable, append)
      )
      heads.set(topic, head)
      process.run(Effect.asVoid(Effect.exit(log.append(append))))
      return entries
    })
  }
}

const durableHead = (log: EventLogService, topic: TopicId): Effect.Effect<LogHead, EventLogError> =>
  Effect.flatMap(
    log.head(topic),
    Option.match({
      onNone: () => Effect.map(ChainVerification.generateEpoch, emptyHead),
      onSome: Effect.succeed
    })
  )

/** Publishes events before they are durable; receipts are correct. */
const publishBeforeDurable = (runtime: SimulationRuntime): Pick<PlantedBug, "log" | "topics"> => {
  const publishedSeqs = new Map<TopicId, number>()
  const earlyFrames = new WeakSet<OutboundFrame>()
  let topicsService: TopicsService | undefined
  return {
    topics: (topics) => {
      publishedSeqs.clear()
      topicsService = topics
      return interceptFrames(topics, (frame, deliver, topic) => {
        const alreadyPublished = frame.lane._tag === "Durable" && frame.lane.seq <= (publishedSeqs.get(topic) ?? 0)
        if (earlyFrames.has(frame) || !alreadyPublished) deliver()
      })
    },
    log: (log) => ({
      ...log,
      append: Effect.fnUntraced(function*(append) {
        const { drafts, expectedSeq, topic } = append
        const to = expectedSeq + drafts.length
        const { entries } = yield* Effect.fromResult(
          ChainVerification.chainDrafts(yield* durableHead(log, topic), append)
        )
        const events = entries.map(toPublishedEvent)
        const text = encodeServerMessage({ _tag: "delta", from: expectedSeq, to, events }, {
          id: "00000000-0000-4000-8000-000000000000",
          timestamp: runtime.now,
          thread_id: topic
        })
        const frame: OutboundFrame = { text, lane: { _tag: "Durable", topic, seq: to, from: expectedSeq } }
        earlyFrames.add(frame)
        topicsService?.broadcast(topic, frame)
        publishedSeqs.set(topic, to)
        return yield* log.append(append)
      })
    })
  }
}

/** A client that takes frames from its queue inside a race: a frame is lost when the timeout wins. */
const readInsideRace = (network: SimulatedNetwork): void => {
  network.deliverToClient = (connection) => {
    const { client } = connection
    const inbox = Effect.runSync(Queue.unbounded<string>())
    client.run(
      Effect.gen(function*() {
        while (connection.clientState === "open") {
          const nextFrame = Effect.flatMap(
            Queue.take(inbox),
            (text) => Effect.as(Effect.sleep(client.random.int(1, 25)), text)
          )
          const text = yield* Effect.timeoutOrElse(nextFrame, { duration: 400, orElse: () => Effect.undefined })
          if (text !== undefined) connection.emit("message", { data: text })
        }
      })
    )
    return (text) => Queue.offerUnsafe(inbox, text)
  }
}

/** Caches a granted read access without expiry. */
const cacheReadAccess = (kinds: ReadonlyMap<string, AnyKind>): ReadonlyMap<string, AnyKind> => {
  const grantedKeys = new Set<string>()
  return new Map(Array.from(kinds, ([name, kind]) => [
    name,
    {
      ...kind,
      canRead: (state, reader) => {
        const key = `${(state as { readonly id?: string }).id} ${reader}`
        if (kind.canRead(state, reader)) grantedKeys.add(key)
        return grantedKeys.has(key)
      }
    } satisfies AnyKind
  ]))
}

/** Ignores failed upserts of points. */
const ignoreUpsertErrors = (engine: VectorIndex["Service"]): VectorIndex["Service"] => ({
  ...engine,
  upsert: (...args) => Effect.ignore(engine.upsert(...args))
})

/** Removes state hashes from frames to the client. */
const stripHashes = (network: SimulatedNetwork): void => {
  network.deliverToClient = (connection) => (text) => {
    const { payload, ...rest } = JSON.parse(text) as { readonly payload: object }
    connection.emit("message", { data: JSON.stringify({ ...rest, payload: { ...payload, hash: undefined } }) })
  }
}

/** A search reads what the first co-author of the thread may read, whoever else reads the thread. */
const searchForOneReader = (directory: Directory["Service"]): Directory["Service"] => {
  const readersOf: Directory["Service"]["readersOf"] = (topics) =>
    Effect.map(
      directory.readersOf(topics),
      (readers) =>
        new Map(Array.from(readers, ([topic, { members, visibility }]) => [
          topic,
          // The first topic is the one that is searched for.
          topic === topics[0]
            ? { visibility: "members" as const, members: members.slice(0, 1) }
            : { members, visibility }
        ]))
    )
  return {
    ...directory,
    readersOf,
    topicsSharedBy: Effect.fnUntraced(function*(topic) {
      const [owner] = (yield* readersOf([topic])).get(topic)?.members ?? []
      if (owner === undefined) return []
      const threads = yield* directory.list(owner, { kind: "thread", host: "", includePublic: false, limit: 1_000 })
      return threads.map((listed) => listed.topic)
    })
  }
}

/** Other connections of a session stay open when it is revoked. */
const ignoreRevocations = (sessions: SessionsService): SessionsService => ({
  ...sessions,
  onRevoked: () => Effect.void
})

/** Answers a token that was shown before from a cache, which hears of no revocation. */
const cacheSessions = (sessions: SessionsService): SessionsService => {
  const resumed = new Map<string, IssuedSession>()
  return {
    ...ignoreRevocations(sessions),
    resume: Effect.fnUntraced(function*(token, instance) {
      const cached = resumed.get(Redacted.value(token))
      if (cached !== undefined) return cached
      const session = yield* sessions.resume(token, instance)
      resumed.set(Redacted.value(token), session)
      return session
    })
  }
}

/**
 * Signals of this process (ROO2, ROO3, CHO5), in plain maps: changed in the
 * callbacks they come by, told to others through `Topics.broadcast`, never logged.
 *
 * A presence entry lives exactly as long as its connection's subscription. The
 * engine's heartbeat ends a dead connection in less than a minute, and a crash
 * ends all of them: there are no ghosts to expire.
 */
import { Clock, Effect, Latch, Layer, type Scope } from "effect"
import { replyLane } from "../../domain/delivery/Lane.ts"
import { type Instant, isUser, type TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import {
  encodeServerPayload,
  type Presence,
  type PublishedSignal,
  type ServerMessage,
  type ServerMessageOf
} from "../../domain/protocol/Protocol.ts"
import * as Uuids from "../../domain/protocol/Uuids.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import { Signals } from "../../services/Signals.ts"
import { type Subscriber, Topics } from "../../services/Topics.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as TimerWheel from "../runtime/TimerWheel.ts"

type StreamChunk = Omit<ServerMessageOf<"chorus_response">, "_tag">

/** The latest of one connection under one key. Changed in place: what outlives a turn costs more to collect. */
interface SignalEntry {
  view: PublishedSignal
  at: Instant
  readonly lane: OutboundFrame["lane"]
}

/** What one topic shares. Dropped when nothing is left of it. */
interface SharedState {
  readonly present: Map<string, Presence>
  /** By connection and key. */
  readonly signals: Map<string, Map<string, SignalEntry>>
  readonly runningStreams: Map<string, StreamChunk>
  /** Since the last diff; an entry that came and went is in neither. */
  readonly joins: Map<string, Presence>
  readonly leaves: Map<string, Presence>
}

type PresenceLimits = Pick<Limits, "presenceCoalesce" | "cursorTtl" | "signalKeys">

const make = Effect.fnUntraced(function*(
  limits: PresenceLimits
): Effect.fn.Return<Signals["Service"], never, Topics | Scope.Scope> {
  const topics = yield* Topics
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const nextId = Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9))
  const wheel = yield* TimerWheel.make(TimerWheel.defaultTickMillis)
  const sharedByTopic = new Map<TopicId, SharedState>()
  const changedTopics = new Set<TopicId>()
  const presenceChanged = yield* Latch.make(false)

  const broadcast = <T extends ServerMessage["_tag"]>(
    topic: TopicId,
    type: T,
    payload: Omit<ServerMessageOf<T>, "_tag">,
    lane: OutboundFrame["lane"]
  ) =>
    topics.broadcast(topic, {
      text: encodeServerPayload(type, payload, { id: nextId(), timestamp: now(), thread_id: topic }),
      lane
    })

  const getOrCreate = (topic: TopicId): SharedState => {
    const existing = sharedByTopic.get(topic)
    if (existing !== undefined) return existing
    const created: SharedState = {
      present: new Map(),
      signals: new Map(),
      runningStreams: new Map(),
      joins: new Map(),
      leaves: new Map()
    }
    sharedByTopic.set(topic, created)
    return created
  }

  const removeIfEmpty = (topic: TopicId, shared: SharedState) => {
    if (shared.present.size + shared.signals.size + shared.runningStreams.size + shared.leaves.size === 0) {
      sharedByTopic.delete(topic)
    }
  }

  const markChanged = (topic: TopicId) => {
    changedTopics.add(topic)
    presenceChanged.openUnsafe()
  }

  const join = (topic: TopicId, subscriber: Subscriber) => {
    const shared = getOrCreate(topic)
    if (isUser(subscriber.user) && !shared.present.has(subscriber.id)) {
      const entry: Presence = { user: subscriber.user, connection: subscriber.id, at: now() }
      shared.present.set(subscriber.id, entry)
      shared.joins.set(subscriber.id, entry)
      shared.leaves.delete(subscriber.id)
      markChanged(topic)
    }
    return {
      presence: [...shared.present.values()],
      signals: [...shared.signals.values()].flatMap((entries) => Array.from(entries.values(), ({ view }) => view))
    }
  }

  const leave = (topic: TopicId, id: string) => {
    const shared = sharedByTopic.get(topic)
    const entry = shared?.present.get(id)
    if (shared === undefined || entry === undefined) return
    shared.present.delete(id)
    // Somebody whose coming was never told needs no goodbye.
    if (!shared.joins.delete(id)) shared.leaves.set(id, entry)
    for (const signalEntry of shared.signals.get(id)?.values() ?? []) removeSignal(topic, shared, signalEntry)
    markChanged(topic)
  }

  const flush = () => {
    for (const topic of changedTopics) {
      const shared = sharedByTopic.get(topic)
      if (shared === undefined) continue
      const diff = { joins: [...shared.joins.values()], leaves: [...shared.leaves.values()] }
      shared.joins.clear()
      shared.leaves.clear()
      if (diff.joins.length + diff.leaves.length > 0) broadcast(topic, "presence_diff", diff, replyLane)
      removeIfEmpty(topic, shared)
    }
    changedTopics.clear()
  }

  // -- Signals --

  const removeSignal = (topic: TopicId, shared: SharedState, { lane, view }: SignalEntry) => {
    const entries = shared.signals.get(view.connection)
    entries?.delete(view.key)
    if (entries?.size === 0) shared.signals.delete(view.connection)
    broadcast(topic, "signal", { ...view, value: null }, lane)
  }

  const setSignal = (topic: TopicId, from: Subscriber, key: string, value: PublishedSignal["value"]) => {
    const shared = sharedByTopic.get(topic)
    if (shared === undefined || !shared.present.has(from.id)) return
    const existing = shared.signals.get(from.id)?.get(key)
    if (value === null) return existing === undefined ? undefined : removeSignal(topic, shared, existing)
    const view: PublishedSignal = { from: from.user, connection: from.id, key, value }
    if (existing === undefined) addSignal(topic, shared, view)
    else {
      existing.view = view
      existing.at = now()
    }
    broadcast(topic, "signal", view, existing?.lane ?? laneOf(topic, view))
  }

  const addSignal = (topic: TopicId, shared: SharedState, view: PublishedSignal) => {
    const { connection, key } = view
    const [oldest, ...others] = shared.signals.get(connection)?.values() ?? []
    // The oldest makes room: a client that keeps inventing keys harms only itself.
    if (oldest !== undefined && others.length + 1 >= limits.signalKeys) removeSignal(topic, shared, oldest)
    const entries = shared.signals.get(connection) ?? new Map<string, SignalEntry>()
    shared.signals.set(connection, entries.set(key, { view, at: now(), lane: laneOf(topic, view) }))
    wheel.scheduleCallback(now() + limits.cursorTtl, expireSignal(topic, connection, key))
  }

  const expireSignal = (topic: TopicId, connection: string, key: string): TimerWheel.ExpireHandler => (time) => {
    const shared = sharedByTopic.get(topic)
    const existing = shared?.signals.get(connection)?.get(key)
    if (shared === undefined || existing === undefined) return undefined
    if (time < existing.at + limits.cursorTtl) return existing.at + limits.cursorTtl
    return void removeSignal(topic, shared, existing)
  }

  // -- Running text --

  const publishChunk = (topic: TopicId, chunk: StreamChunk) => {
    const { runningStreams } = getOrCreate(topic)
    const previous = runningStreams.get(chunk.prompt_id)
    const isContinuation = previous !== undefined && previous.loop === chunk.loop && previous.step === chunk.step &&
      previous.attempt === chunk.attempt && previous.text.length === chunk.offset
    runningStreams.set(chunk.prompt_id, isContinuation ? { ...previous, text: previous.text + chunk.text } : chunk)
    broadcast(topic, "chorus_response", chunk, { _tag: "Stream", topic })
  }

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Latch.await(presenceChanged)
      yield* Effect.sleep(limits.presenceCoalesce)
      presenceChanged.closeUnsafe()
      flush()
    }
  }))

  return Signals.of({
    join,
    leave,
    setSignal: (topic, from, key, value) => setSignal(topic, from, key, value as PublishedSignal["value"]),
    publishChunk,
    completeStream: (topic, promptId) => {
      const shared = sharedByTopic.get(topic)
      if (shared?.runningStreams.delete(promptId) === true) removeIfEmpty(topic, shared)
    },
    runningStreams: (topic) => [...sharedByTopic.get(topic)?.runningStreams.values() ?? []],
    isPresent: (topic, user) =>
      Effect.sync(() => [...sharedByTopic.get(topic)?.present.values() ?? []].some((entry) => entry.user === user))
  })
})

/** Presence, signals and running text of the topics that are live in this process. */
export const layer = (limits: PresenceLimits): Layer.Layer<Signals, never, Topics> =>
  Layer.effect(Signals, make(limits))

const laneOf = (topic: TopicId, { connection, key }: PublishedSignal): OutboundFrame["lane"] => ({
  _tag: "Ephemeral",
  topic,
  key: `signal ${connection} ${key}`
})

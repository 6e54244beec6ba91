/**
 * Presence, signals and running text of the topics of this process, published through `Topics.broadcast` and never logged
 * (ROO2, ROO3, CHO5). The rules are in `domain/presence`; this holds the states and the clock.
 *
 * **When to use**
 *
 * In a server of one process. `Gateway.layer` and the Chorus need a `Signals`.
 *
 * **Details**
 *
 * Joins and leaves of `presenceCoalesce` milliseconds are published as one `presence_diff`; a signal at once.
 * A topic without presence, signals and running text occupies no memory.
 *
 * **Gotchas**
 *
 * Presence ends with `leave`, not with a timer. Each `join` needs a `leave`, as the gateway calls it when a
 * connection closes. In a test, move `TestClock` by `presenceCoalesce` before you expect a diff.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const topic = Domain.Ids.TopicId.make("room:lobby")
 * const user = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const server = Layers.SignalsLocal.layer(Domain.Limits.defaults).pipe(
 *   Layer.provide(Layers.TopicsLocal.layer()),
 *   Layer.provide(Layers.IntentHandlersLive.layer),
 *   Layer.provide(Layers.EventLogMemory.layer),
 *   Layer.provide(Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const signals = yield* Services.Signals.Signals
 *   signals.join(topic, { id: "connection-1", user, deliver: () => {} })
 *   const before = yield* signals.isPresent(topic, user)
 *   signals.leave(topic, "connection-1")
 *   return [before, yield* signals.isPresent(topic, user)]
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, server)))
 * // => [true, false]
 * ```
 */
import { Clock, Effect, Latch, Layer, type Scope } from "effect"
import { type Lane, replyLane } from "../../domain/delivery/Lane.ts"
import * as ConnectionSignals from "../../domain/presence/ConnectionSignals.ts"
import * as Presence from "../../domain/presence/Presence.ts"
import * as RunningText from "../../domain/presence/RunningText.ts"
import { type Instant, isUser, type TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import {
  encodeServerPayload,
  type PublishedSignal,
  type ServerMessage,
  type ServerMessageOf
} from "../../domain/protocol/Protocol.ts"
import * as Uuids from "../../domain/protocol/Uuids.ts"
import { Signals } from "../../services/Signals.ts"
import { type Subscriber, Topics } from "../../services/Topics.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as TimerWheel from "../runtime/TimerWheel.ts"

type PresenceLimits = Pick<Limits, "presenceCoalesce" | "cursorTtl" | "signalKeys">

/** The presence, signals and running text of one topic. */
class SharedState {
  presence = Presence.nonePresent
  /** By connection, from its join to its leave: only participants set signals (SEC11). */
  readonly signals = new Map<string, ConnectionSignals.ConnectionSignals>()
  /** By prompt id. */
  readonly runningTexts = new Map<string, RunningText.RunningText>()

  get isEmpty(): boolean {
    return this.runningTexts.size === 0 && Presence.isIdle(this.presence)
  }
}

interface Dependencies {
  readonly limits: PresenceLimits
  readonly topics: Topics["Service"]
  readonly now: () => Instant
  readonly nextId: () => string
  readonly wheel: TimerWheel.TimerWheel
  readonly presenceChanged: Latch.Latch
}

/** The states of all topics that share something. */
class SharedStates {
  readonly byTopic = new Map<TopicId, SharedState>()
  private readonly changedTopics = new Set<TopicId>()
  private readonly dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.dependencies = dependencies
  }

  join(topic: TopicId, { id, user }: Subscriber) {
    const shared = this.getOrCreate(topic)
    if (isUser(user)) {
      const presence = Presence.join(shared.presence, { user, connection: id, at: this.dependencies.now() })
      this.setPresence(topic, shared, presence)
      if (!shared.signals.has(id)) shared.signals.set(id, ConnectionSignals.noSignals)
    }
    return {
      presence: Presence.entriesOf(shared.presence),
      signals: [...shared.signals.values()].flatMap((entries) => entries.map(({ signal }) => signal))
    }
  }

  leave(topic: TopicId, connection: string): void {
    const shared = this.byTopic.get(topic)
    if (shared === undefined) return
    this.setPresence(topic, shared, Presence.leave(shared.presence, connection))
    for (const entry of shared.signals.get(connection) ?? []) this.broadcastRemoval(topic, entry)
    shared.signals.delete(connection)
  }

  setSignal(topic: TopicId, from: Subscriber, key: string, value: PublishedSignal["value"]): void {
    const shared = this.byTopic.get(topic)
    const signals = shared?.signals.get(from.id)
    if (shared === undefined || signals === undefined) return
    const existing = ConnectionSignals.entryOf(signals, key)
    if (value === null) return existing && this.removeSignal(topic, shared, existing)
    const { limits, now, wheel } = this.dependencies
    const evicted = ConnectionSignals.evictedBy(signals, key, limits)
    if (evicted !== undefined) this.broadcastRemoval(topic, evicted)
    const signal: PublishedSignal = { from: from.user, connection: from.id, key, value }
    const entry = { signal, at: now(), lane: existing?.lane ?? ConnectionSignals.laneOf(topic, signal) }
    shared.signals.set(from.id, ConnectionSignals.setSignal(signals, entry, evicted))
    if (existing === undefined) {
      wheel.scheduleCallback(ConnectionSignals.expiryOf(entry, limits), this.expireSignal(topic, signal))
    }
    this.broadcast(topic, "signal", signal, entry.lane)
  }

  /** Removes a signal when it expires; a later value under its key sets the deadline again. */
  private expireSignal(topic: TopicId, { connection, key }: PublishedSignal): TimerWheel.ExpireHandler {
    return (at) => {
      const shared = this.byTopic.get(topic)
      const entry = ConnectionSignals.entryOf(shared?.signals.get(connection) ?? [], key)
      if (shared === undefined || entry === undefined) return undefined
      const expiresAt = ConnectionSignals.expiryOf(entry, this.dependencies.limits)
      return at < expiresAt ? expiresAt : this.removeSignal(topic, shared, entry)
    }
  }

  private removeSignal(topic: TopicId, { signals }: SharedState, entry: ConnectionSignals.SignalEntry): undefined {
    const { connection, key } = entry.signal
    signals.set(connection, ConnectionSignals.removeSignal(signals.get(connection) ?? [], key))
    this.broadcastRemoval(topic, entry)
  }

  private broadcastRemoval(topic: TopicId, { lane, signal }: ConnectionSignals.SignalEntry): void {
    this.broadcast(topic, "signal", { ...signal, value: null }, lane)
  }

  publishChunk(topic: TopicId, chunk: RunningText.RunningText): void {
    const { runningTexts } = this.getOrCreate(topic)
    runningTexts.set(chunk.prompt_id, RunningText.append(runningTexts.get(chunk.prompt_id), chunk))
    this.broadcast(topic, "chorus_response", chunk, { _tag: "Stream", topic })
  }

  completeStream(topic: TopicId, promptId: string): void {
    const shared = this.byTopic.get(topic)
    if (shared?.runningTexts.delete(promptId) === true) this.removeIfEmpty(topic, shared)
  }

  /** Publishes the changes of presence, as one diff per topic. */
  publishDiffs(): void {
    for (const topic of this.changedTopics) {
      const shared = this.byTopic.get(topic)
      if (shared === undefined) continue
      const { diff, published } = Presence.takeDiff(shared.presence)
      shared.presence = published
      if (diff !== undefined) this.broadcast(topic, "presence_diff", diff, replyLane)
      this.removeIfEmpty(topic, shared)
    }
    this.changedTopics.clear()
  }

  private getOrCreate(topic: TopicId): SharedState {
    const existing = this.byTopic.get(topic)
    if (existing !== undefined) return existing
    const created = new SharedState()
    this.byTopic.set(topic, created)
    return created
  }

  private removeIfEmpty(topic: TopicId, shared: SharedState): void {
    if (shared.isEmpty) this.byTopic.delete(topic)
  }

  private setPresence(topic: TopicId, shared: SharedState, presence: Presence.TopicPresence): void {
    if (presence === shared.presence) return
    shared.presence = presence
    this.changedTopics.add(topic)
    this.dependencies.presenceChanged.openUnsafe()
  }

  private broadcast<T extends ServerMessage["_tag"]>(
    topic: TopicId,
    type: T,
    payload: Omit<ServerMessageOf<T>, "_tag">,
    lane: Lane
  ): void {
    const { nextId, now, topics } = this.dependencies
    topics.broadcast(topic, {
      text: encodeServerPayload(type, payload, { id: nextId(), timestamp: now(), thread_id: topic }),
      lane
    })
  }
}

const make = Effect.fnUntraced(function*(
  limits: PresenceLimits
): Effect.fn.Return<Signals["Service"], never, Topics | Scope.Scope> {
  const clock = yield* Clock.Clock
  const presenceChanged = yield* Latch.make(false)
  const states = new SharedStates({
    limits,
    topics: yield* Topics,
    now: () => clock.currentTimeMillisUnsafe(),
    nextId: Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9)),
    wheel: yield* TimerWheel.make(TimerWheel.defaultTickMillis),
    presenceChanged
  })

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Latch.await(presenceChanged)
      yield* Effect.sleep(limits.presenceCoalesce)
      presenceChanged.closeUnsafe()
      states.publishDiffs()
    }
  }))

  return Signals.of({
    join: (topic, subscriber) => states.join(topic, subscriber),
    leave: (topic, subscriberId) => states.leave(topic, subscriberId),
    setSignal: (topic, from, key, value) => states.setSignal(topic, from, key, value),
    publishChunk: (topic, chunk) => states.publishChunk(topic, chunk),
    completeStream: (topic, promptId) => states.completeStream(topic, promptId),
    runningStreams: (topic) => [...states.byTopic.get(topic)?.runningTexts.values() ?? []],
    isPresent: (topic, user) =>
      Effect.sync(() => {
        const shared = states.byTopic.get(topic)
        return shared !== undefined && isUser(user) && Presence.isUserPresent(shared.presence, user)
      })
  })
})

/** `Signals` of this process. */
export const layer = (limits: PresenceLimits): Layer.Layer<Signals, never, Topics> =>
  Layer.effect(Signals, make(limits))

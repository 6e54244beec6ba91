/**
 * Signals of this process (ROO2, ROO3, CHO5), in plain maps: changed in the
 * callbacks they come by, told to others through `Topics.broadcast`, never logged.
 *
 * A presence entry lives exactly as long as its connection's subscription. The
 * engine's heartbeat ends a dead connection in less than a minute, and a crash
 * ends all of them: there are no ghosts to expire.
 */
import { Clock, Effect, Latch, Layer, type Scope } from "effect"
import { type Instant, isUser, type TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import {
  encodeAs,
  type Presence,
  type ServerMessage,
  type ServerMessageOf,
  type SignalView
} from "../../domain/Protocol.ts"
import * as Uuids from "../../domain/Uuids.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import { Signals } from "../../services/Signals.ts"
import { type Subscriber, Topics } from "../../services/Topics.ts"
import * as Entropy from "../Entropy.ts"
import * as Wheel from "../socket/Wheel.ts"

type Piece = Omit<ServerMessageOf<"chorus_response">, "_tag">

/** The latest of one connection under one key. Changed in place: what outlives a turn costs more to collect. */
interface Kept {
  view: SignalView
  at: Instant
  readonly lane: Frame["lane"]
}

/** What one topic shares. Dropped when nothing is left of it. */
interface Shared {
  readonly present: Map<string, Presence>
  /** By connection and key. */
  readonly signals: Map<string, Map<string, Kept>>
  readonly running: Map<string, Piece>
  /** Since the last diff; an entry that came and went is in neither. */
  readonly joins: Map<string, Presence>
  readonly leaves: Map<string, Presence>
}

type Settings = Pick<Limits, "presenceCoalesce" | "cursorTtl" | "signalKeys">

const make = Effect.fnUntraced(function*(
  limits: Settings
): Effect.fn.Return<Signals["Service"], never, Topics | Scope.Scope> {
  const topics = yield* Topics
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const nextId = Uuids.counter((yield* Entropy.Bytes)(9))
  const wheel = yield* Wheel.make(Wheel.tick)
  const all = new Map<TopicId, Shared>()
  const changed = new Set<TopicId>()
  const someChanged = yield* Latch.make(false)

  const tell = <T extends ServerMessage["_tag"]>(
    topic: TopicId,
    type: T,
    payload: Omit<ServerMessageOf<T>, "_tag">,
    lane: Frame["lane"]
  ) =>
    topics.broadcast(topic, {
      text: encodeAs(type, payload, { id: nextId(), timestamp: now(), thread_id: topic }),
      lane
    })

  const at = (topic: TopicId): Shared => {
    const found = all.get(topic)
    if (found !== undefined) return found
    const made: Shared = {
      present: new Map(),
      signals: new Map(),
      running: new Map(),
      joins: new Map(),
      leaves: new Map()
    }
    all.set(topic, made)
    return made
  }

  const tidy = (topic: TopicId, shared: Shared) => {
    if (shared.present.size + shared.signals.size + shared.running.size + shared.leaves.size === 0) all.delete(topic)
  }

  const touch = (topic: TopicId) => {
    changed.add(topic)
    someChanged.openUnsafe()
  }

  const enter = (topic: TopicId, subscriber: Subscriber) => {
    const shared = at(topic)
    if (isUser(subscriber.user) && !shared.present.has(subscriber.id)) {
      const entry: Presence = { user: subscriber.user, connection: subscriber.id, at: now() }
      shared.present.set(subscriber.id, entry)
      shared.joins.set(subscriber.id, entry)
      shared.leaves.delete(subscriber.id)
      touch(topic)
    }
    return {
      presence: [...shared.present.values()],
      signals: [...shared.signals.values()].flatMap((own) => Array.from(own.values(), ({ view }) => view))
    }
  }

  const leave = (topic: TopicId, id: string) => {
    const shared = all.get(topic)
    const entry = shared?.present.get(id)
    if (shared === undefined || entry === undefined) return
    shared.present.delete(id)
    // Somebody whose coming was never told needs no goodbye.
    if (!shared.joins.delete(id)) shared.leaves.set(id, entry)
    for (const kept of shared.signals.get(id)?.values() ?? []) remove(topic, shared, kept)
    touch(topic)
  }

  const flush = () => {
    for (const topic of changed) {
      const shared = all.get(topic)
      if (shared === undefined) continue
      const diff = { joins: [...shared.joins.values()], leaves: [...shared.leaves.values()] }
      shared.joins.clear()
      shared.leaves.clear()
      if (diff.joins.length + diff.leaves.length > 0) tell(topic, "presence_diff", diff, reply)
      tidy(topic, shared)
    }
    changed.clear()
  }

  // -- Signals --

  const remove = (topic: TopicId, shared: Shared, { lane, view }: Kept) => {
    const own = shared.signals.get(view.connection)
    own?.delete(view.key)
    if (own?.size === 0) shared.signals.delete(view.connection)
    tell(topic, "signal", { ...view, value: null }, lane)
  }

  const signal = (topic: TopicId, from: Subscriber, key: string, value: SignalView["value"]) => {
    const shared = all.get(topic)
    if (shared === undefined || !shared.present.has(from.id)) return
    const known = shared.signals.get(from.id)?.get(key)
    if (value === null) return known === undefined ? undefined : remove(topic, shared, known)
    const view: SignalView = { from: from.user, connection: from.id, key, value }
    if (known === undefined) keep(topic, shared, view)
    else {
      known.view = view
      known.at = now()
    }
    tell(topic, "signal", view, known?.lane ?? laneOf(topic, view))
  }

  const keep = (topic: TopicId, shared: Shared, view: SignalView) => {
    const { connection, key } = view
    const [oldest, ...others] = shared.signals.get(connection)?.values() ?? []
    // The oldest makes room: a client that keeps inventing keys harms only itself.
    if (oldest !== undefined && others.length + 1 >= limits.signalKeys) remove(topic, shared, oldest)
    const own = shared.signals.get(connection) ?? new Map<string, Kept>()
    shared.signals.set(connection, own.set(key, { view, at: now(), lane: laneOf(topic, view) }))
    wheel.add(now() + limits.cursorTtl, expire(topic, connection, key))
  }

  const expire = (topic: TopicId, connection: string, key: string): Wheel.Look => (time) => {
    const shared = all.get(topic)
    const known = shared?.signals.get(connection)?.get(key)
    if (shared === undefined || known === undefined) return undefined
    if (time < known.at + limits.cursorTtl) return known.at + limits.cursorTtl
    return void remove(topic, shared, known)
  }

  // -- Running text --

  const stream = (topic: TopicId, piece: Piece) => {
    const { running } = at(topic)
    const before = running.get(piece.prompt_id)
    const goesOn = before !== undefined && before.loop === piece.loop && before.step === piece.step &&
      before.attempt === piece.attempt && before.text.length === piece.offset
    running.set(piece.prompt_id, goesOn ? { ...before, text: before.text + piece.text } : piece)
    tell(topic, "chorus_response", piece, { _tag: "Stream", topic })
  }

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Latch.await(someChanged)
      yield* Effect.sleep(limits.presenceCoalesce)
      someChanged.closeUnsafe()
      flush()
    }
  }))

  return Signals.of({
    enter,
    leave,
    signal: (topic, from, key, value) => signal(topic, from, key, value as SignalView["value"]),
    stream,
    streamDone: (topic, promptId) => {
      const shared = all.get(topic)
      if (shared?.running.delete(promptId) === true) tidy(topic, shared)
    },
    running: (topic) => [...all.get(topic)?.running.values() ?? []],
    present: (topic, user) =>
      Effect.sync(() => [...all.get(topic)?.present.values() ?? []].some((entry) => entry.user === user))
  })
})

/** Presence, signals and running text of the topics that are live in this process. */
export const layer = (limits: Settings): Layer.Layer<Signals, never, Topics> => Layer.effect(Signals, make(limits))

const laneOf = (topic: TopicId, { connection, key }: SignalView): Frame["lane"] => ({
  _tag: "Ephemeral",
  topic,
  key: `signal ${connection} ${key}`
})

/** Room members over the client library, and the room's log as it is stored. */
import { Effect, Layer, Option, Result, Schedule, type Scope, Stream } from "effect"
import { join } from "node:path"
import { Client, type ClientModel, Keys } from "../../src/client/index.ts"
import { TopicId, type UserId } from "../../src/domain/protocol/Ids.ts"
import { roomKind as kind } from "../../src/domain/room/Room.ts"
import type { CommandInput, Event, State } from "../../src/domain/room/RoomModel.ts"
import { decodeEntry } from "../../src/domain/topic/DurableState.ts"
import type { Entry } from "../../src/domain/topic/Log.ts"
import { fold } from "../../src/domain/topic/Topic.ts"
import * as EventLogSql from "../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../src/services/EventLog.ts"

/** Settings that raise every rate limit, for tests of other subjects. */
export const unlimitedBudgets: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["READ_BYTES_PER_MINUTE", "READ_BYTES_BURST"].map((name) => [`CHOIR_${name}`, "1000000000"])),
  ...Object.fromEntries([
    "MESSAGES_PER_MINUTE",
    "MESSAGE_BURST",
    "READS_PER_MINUTE",
    "READ_BURST",
    "AUTH_PER_MINUTE",
    "AUTH_BURST",
    "CONNECTIONS_PER_ADDRESS",
    "CONNECTIONS_PER_USER"
  ].map((name) => [`CHOIR_${name}`, "1000000"]))
}

/** A member of a room. */
export interface RoomClient {
  readonly key: UserId
  readonly client: Client.Client
  readonly room: Client.Topic<State, CommandInput>
  /** Every event that the client library delivered, in order. */
  readonly receivedEvents: ReadonlyArray<ClientModel.ReceivedEvent>
}

/** Signs in with a new key, joins the room, and listens until the scope ends. */
export const connectRoomClient = (url: string, topic: TopicId): Effect.Effect<RoomClient, never, Scope.Scope> =>
  Effect.gen(function*() {
    const identity = yield* Keys.fromSecret(yield* Keys.generateSecret)
    // A proxy in between listens on a port that is not the server's audience.
    const client = yield* Client.make({ url, identity, kinds: [kind], checkAudience: false })
    const room = client.topic(kind, topic)
    const receivedEvents: Array<ClientModel.ReceivedEvent> = []
    // Joins before it subscribes: a subscription to an empty topic is answered with a snapshot after a reconnect.
    yield* room.send({ _tag: "join_room" })
    yield* Effect.acquireRelease(
      Effect.sync(() => room.onEvents((events) => void receivedEvents.push(...events))),
      (unsubscribe) => Effect.sync(unsubscribe)
    )
    return { key: identity.publicKey, client, room, receivedEvents }
  }).pipe(Effect.orDie)

/** Polls a condition every 5 ms, for states without a notification. */
export const waitUntil = (condition: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.sync(condition), { until: (is) => is, schedule: Schedule.spaced("5 millis") }))

/** Waits until the member's replica is live and satisfies the predicate; returns its confirmed state. */
export const waitForView = (
  { room }: RoomClient,
  predicate: (view: Client.View<State>) => boolean
): Effect.Effect<State> =>
  room.views.pipe(
    Stream.filter((view) => view.sync._tag === "Live" && view.position !== undefined && predicate(view)),
    Stream.runHead,
    Effect.map((view) => Option.getOrThrow(view).confirmed)
  )

/** Waits until the member's replica has reached `seq`. */
export const waitForSeq = (member: RoomClient, seq: number): Effect.Effect<State> =>
  waitForView(member, ({ position }) => (position?.seq ?? 0) >= seq)

/** The fold of these entries. */
export const roomStateAfter = (topic: TopicId, log: ReadonlyArray<Entry>): State =>
  fold(kind, kind.initial(topic), log.map((entry) => Result.getOrThrow(decodeEntry(kind, entry)).decoded as Event))

/** The topic id of a room. */
export const roomTopic = (name: string): TopicId => TopicId.make(`room:${name}`)

const eventLogLayer = (data: string) =>
  EventLogSql.layer.pipe(Layer.provide(Sqlite.layer({ filename: join(data, "choir.db") })))

/** The whole log of a topic in the data folder of a stopped server. Reading verifies its order and hash chain. */
export const readLog = (data: string, topic: TopicId): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.gen(function*() {
    const log = yield* EventLog
    const entries: Array<Entry> = []
    while (true) {
      const batch = yield* log.read(topic, { after: entries.length, limit: 1_000 })
      if (batch.length === 0) return entries
      entries.push(...batch)
    }
  }).pipe(Effect.provide(eventLogLayer(data)), Effect.orDie)

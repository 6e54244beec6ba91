/** People in a room as the client library serves them, and the room's log as it is on the disk. */
import { Effect, Layer, Option, Schedule, type Scope, Stream } from "effect"
import { join } from "node:path"
import { Client, Keys } from "../../src/client/index.ts"
import { TopicId, type UserId } from "../../src/domain/Ids.ts"
import { room as kind } from "../../src/domain/kinds/Room.ts"
import type { Command, State } from "../../src/domain/kinds/RoomModel.ts"
import type { Entry } from "../../src/domain/Log.ts"
import type { EventView } from "../../src/domain/Protocol.ts"
import { fold } from "../../src/domain/Topic.ts"
import * as Sql from "../../src/layers/eventlog/Sql.ts"
import * as Sqlite from "../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../src/services/EventLog.ts"

/** Budgets out of the way of tests that are about something else. */
export const generous: Readonly<Record<string, string>> = Object.fromEntries(
  [
    "MESSAGES_PER_MINUTE",
    "MESSAGE_BURST",
    "READS_PER_MINUTE",
    "READ_BURST",
    "AUTH_PER_MINUTE",
    "AUTH_BURST",
    "CONNECTIONS_PER_ADDRESS",
    "CONNECTIONS_PER_USER"
  ].map((name) => [`CHOIR_${name}`, "1000000"])
)

export interface Member {
  readonly key: UserId
  readonly client: Client.Client
  readonly room: Client.Topic<State, Command>
  /** Every event that was told, as it was told. */
  readonly heard: ReadonlyArray<EventView>
}

/** Signs in with a new key, joins the room, and listens until the scope ends. */
export const member = (url: string, topic: TopicId): Effect.Effect<Member, never, Scope.Scope> =>
  Effect.gen(function*() {
    const identity = yield* Keys.fromSecret(yield* Keys.generate)
    // A proxy in between has another port than the server knows of.
    const client = yield* Client.make({ url, identity, kinds: [kind], checkAudience: false })
    const room = client.topic(kind, topic)
    const heard: Array<EventView> = []
    // Before it listens: what was subscribed to before it had any event comes as a snapshot the next time.
    yield* room.send({ _tag: "join_room" })
    yield* Effect.acquireRelease(
      Effect.sync(() => room.onEvents((events) => void heard.push(...events))),
      (stop) => Effect.sync(stop)
    )
    return { key: identity.publicKey, client, room, heard }
  }).pipe(Effect.orDie)

/** Waits until something that nobody announces is true. */
export const holds = (what: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.sync(what), { until: (is) => is, schedule: Schedule.spaced("5 millis") }))

/** Waits until the member's copy is live and `wanted`. */
export const until = ({ room }: Member, wanted: (view: Client.View<State>) => boolean): Effect.Effect<State> =>
  room.views.pipe(
    Stream.filter((view) => view.sync._tag === "Live" && view.position !== undefined && wanted(view)),
    Stream.runHead,
    Effect.map((view) => Option.getOrThrow(view).decided)
  )

/** Waits until the member has everything up to `seq`. */
export const inStep = (member: Member, seq: number): Effect.Effect<State> =>
  until(member, ({ position }) => (position?.seq ?? 0) >= seq)

/** What the room is after these events. */
export const stateAfter = (topic: TopicId, log: ReadonlyArray<Entry>): State =>
  fold(kind, kind.initial(topic), log.map(({ event }) => event as never))

export const room = (name: string): TopicId => TopicId.make(`room:${name}`)

const storedIn = (data: string) => Sql.layer.pipe(Layer.provide(Sqlite.layer({ filename: join(data, "choir.db") })))

/** The whole log of a topic in the data of a server that has ended. Reading it checks its order and its hashes. */
export const logOf = (data: string, topic: TopicId): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.gen(function*() {
    const log = yield* EventLog
    const entries: Array<Entry> = []
    while (true) {
      const some = yield* log.read(topic, { after: entries.length, limit: 1_000 })
      if (some.length === 0) return entries
      entries.push(...some)
    }
  }).pipe(Effect.provide(storedIn(data)), Effect.orDie)

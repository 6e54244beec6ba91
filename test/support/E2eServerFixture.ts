/** The server that all end-to-end scenarios share, and clients for it. */
import { Context, Effect, Layer, Schedule } from "effect"
import { socketUrl } from "./InProcessServer.ts"
import * as Inspector from "./Inspector.ts"
import { unlimitedBudgets } from "./RoomClients.ts"
import { startServer, temporaryFolder } from "./ServerProcess.ts"
import * as SlowModel from "./SlowModel.ts"
import * as TestUsers from "./TestUsers.ts"

/** Resources of the server that must return to their initial number. */
export interface ResourceCounts {
  readonly sockets: number
  readonly timers: number
  readonly hosts: number
  readonly fibers: number
}

/** The shared server. */
export class E2eServer extends Context.Service<E2eServer, {
  readonly url: string
  readonly stderr: () => string
  readonly resourceCounts: Effect.Effect<ResourceCounts>
}>()("choir/test/support/E2eServerFixture/E2eServer") {}

/** Timeouts short enough to wait for, and long enough for a busy machine. */
const serverEnvironment = {
  ...unlimitedBudgets,
  CHOIR_MESSAGES_PER_MINUTE: "1200",
  CHOIR_MESSAGE_BURST: "400",
  CHOIR_AUTH_TIMEOUT: "2500",
  CHOIR_PING_INTERVAL: "1500",
  CHOIR_PONG_TIMEOUT: "1500",
  CHOIR_PASSIVATE_AFTER: "500"
}

/** Starts the server with a slow model. */
export const layer = Layer.effect(
  E2eServer,
  Effect.gen(function*() {
    // Ten seconds per step.
    const model = yield* SlowModel.start({
      latency: 25,
      chunkSize: 6,
      words: "The model has many words, so that a client can subscribe in the middle. ".repeat(30)
    })
    const server = yield* startServer({
      data: yield* temporaryFolder,
      env: { ...serverEnvironment, ...SlowModel.environment(model) },
      nodeArgs: Inspector.nodeArgs
    })
    const inspector = yield* Inspector.inspect(server)
    const url = socketUrl(server.url)
    const resourceCounts = Effect.gen(function*() {
      const { TCPSocketWrap, Timeout } = yield* inspector.resources
      return {
        sockets: TCPSocketWrap ?? 0,
        timers: Timeout ?? 0,
        hosts: yield* inspector.countInstances("./layers/topics/TopicHost.js", "TopicHost", "!it.passivated"),
        fibers: yield* inspector.fibers
      }
    })
    return { url, stderr: server.stderr, resourceCounts }
  })
)

/** Waits until no connection is open and no topic is in memory; returns the remaining resources. */
export const waitUntilIdle = Effect.gen(function*() {
  const { resourceCounts } = yield* E2eServer
  return yield* Effect.repeat(resourceCounts, {
    until: ({ hosts, sockets }) => hosts === 0 && sockets === 0,
    schedule: Schedule.spaced("250 millis")
  })
})

/** Connects and signs in, as a new user by default. */
export const connectSignedIn = (user?: TestUsers.TestUser, client_id?: string) =>
  Effect.flatMap(E2eServer, ({ url }) => TestUsers.connectSignedIn(url, user, client_id))

/** Connects, joins a room and subscribes to it. */
export const connectInRoom = (topic: string, user?: TestUsers.TestUser) =>
  Effect.gen(function*() {
    const client = yield* connectSignedIn(user)
    yield* TestUsers.request(client, "join_room", {}, topic)
    yield* TestUsers.request(client, "subscribe", {}, topic)
    return client
  })

/** The position in a `subscribed` message. */
export const positionOf = ({ payload }: TestUsers.ReceivedMessage) =>
  payload["position"] as { readonly epoch: string; readonly seq: number }

interface DeliveredEvent {
  readonly seq: number
  readonly cause: string
  readonly event: { readonly _tag: string }
}

/** The events of a `delta` or `subscribed` message; empty for others. */
export const eventsOf = ({ payload }: TestUsers.ReceivedMessage): ReadonlyArray<DeliveredEvent> =>
  (payload["events"] ?? []) as ReadonlyArray<DeliveredEvent>

/** Receives deltas until `seq`; returns their events. */
export const eventsUpTo = (client: TestUsers.RawClient, seq: number): Effect.Effect<ReadonlyArray<DeliveredEvent>> =>
  Effect.gen(function*() {
    const all: Array<DeliveredEvent> = []
    while ((all.at(-1)?.seq ?? 0) < seq) all.push(...eventsOf(yield* client.nextOf("delta")))
    return all
  })

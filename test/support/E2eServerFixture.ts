/** The server that all end-to-end scenarios share, and clients for it. */
import { LLMock } from "@copilotkit/aimock"
import { Context, Effect, Layer, Schedule, type Scope } from "effect"
import * as Inspector from "./Inspector.ts"
import { unlimitedBudgets } from "./RoomClients.ts"
import { startServer, temporaryFolder } from "./ServerProcess.ts"
import { makeTestUser, openClient, type RawClient, type ReceivedMessage, signIn, type TestUser } from "./TestUsers.ts"

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

/** A fake model that takes ten seconds per step. */
const slowModel: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => LLMock.create({ port: 0, latency: 25, chunkSize: 6 })),
  (mock) => Effect.promise(() => mock.stop())
).pipe(Effect.map((mock) => {
  const stepData = {
    action: { confidence: 0.5, reasoning: "r" },
    experience: { key_insights: ["k"] },
    intention: { implicit: "i", selected_priors: [], reason: "r" },
    observation: { patterns: ["p"], semantic_links: [] },
    update: { loop: false, confidence: 0.9 },
    yield: { citations: [], confidence: 0.9 }
  }
  for (const [step, data] of Object.entries(stepData)) {
    const words = `At ${step} the model has many words, so that a client can subscribe in the middle. `
    mock.onMessage(new RegExp(`<task step="${step}"`), {
      content: `${words.repeat(30)}\n<<<data>>>\n${JSON.stringify(data)}`
    })
  }
  return `${mock.url}/v1`
}))

/** Starts the server with a slow model. */
export const layer = Layer.effect(
  E2eServer,
  Effect.gen(function*() {
    const llm = { CHOIR_LLM_URL: yield* slowModel, CHOIR_LLM_KEY: "none", CHOIR_LLM_MODEL: "slow-1" }
    const server = yield* startServer({
      data: yield* temporaryFolder,
      env: { ...serverEnvironment, ...llm },
      nodeArgs: Inspector.nodeArgs
    })
    const inspector = yield* Inspector.inspect(server)
    const url = `${server.url.replace("http", "ws")}/ws`
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

/** A signed-in connection. */
export interface SignedInClient extends RawClient {
  readonly user: TestUser
  readonly init: ReceivedMessage
}

/** Connects and signs in, as a new user by default. */
export const connectSignedIn = (user: TestUser = makeTestUser(), client_id?: string) =>
  Effect.gen(function*() {
    const client = yield* openClient((yield* E2eServer).url)
    const init = yield* signIn(client, user, client_id)
    return { ...client, user, init } satisfies SignedInClient
  })

/** Sends a message and waits for its reply; other messages before it are discarded. */
export const request = (
  client: RawClient,
  type: string,
  payload: object = {},
  thread?: string
): Effect.Effect<ReceivedMessage> => Effect.suspend(() => replyTo(client, client.send(type, payload, thread)))

/** Waits for the reply to a message id; other messages before it are discarded. */
export const replyTo = (client: RawClient, id: string): Effect.Effect<ReceivedMessage> =>
  Effect.repeat(client.next, { until: ({ payload }) => payload["ref_id"] === id })

/** Connects, joins a room and subscribes to it. */
export const connectInRoom = (topic: string, user?: TestUser) =>
  Effect.gen(function*() {
    const client = yield* connectSignedIn(user)
    yield* request(client, "join_room", {}, topic)
    yield* request(client, "subscribe", {}, topic)
    return client
  })

/** The position in a `subscribed` message. */
export const positionOf = ({ payload }: ReceivedMessage) =>
  payload["position"] as { readonly epoch: string; readonly seq: number }

interface DeliveredEvent {
  readonly seq: number
  readonly cause: string
  readonly event: { readonly _tag: string }
}

/** The events of a `delta` or `subscribed` message; empty for others. */
export const eventsOf = ({ payload }: ReceivedMessage): ReadonlyArray<DeliveredEvent> =>
  (payload["events"] ?? []) as ReadonlyArray<DeliveredEvent>

/** Receives deltas until `seq`; returns their events. */
export const eventsUpTo = (client: RawClient, seq: number): Effect.Effect<ReadonlyArray<DeliveredEvent>> =>
  Effect.gen(function*() {
    const all: Array<DeliveredEvent> = []
    while ((all.at(-1)?.seq ?? 0) < seq) all.push(...eventsOf(yield* client.nextOf("delta")))
    return all
  })

/** Signs a new user in on an open connection. */
export const signInNewUser = (client: RawClient): Effect.Effect<ReceivedMessage> => signIn(client, makeTestUser())

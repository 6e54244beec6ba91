/** Test users with keys, raw WebSocket clients that expose every message, and in-process servers for them. */
import { Effect, Layer, Queue, type Scope } from "effect"
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import { type ClientOptions, WebSocket } from "ws"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import { UserId } from "../../src/domain/protocol/Ids.ts"
import { defaults, type Limits } from "../../src/domain/protocol/Limits.ts"
import { challengeSigningInput, type ServerMessageOf, subprotocol } from "../../src/domain/protocol/Protocol.ts"
import { sequentialUuids } from "../../src/domain/protocol/Uuids.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import * as EventLogMemory from "../../src/layers/eventlog/EventLogMemory.ts"
import * as Gateway from "../../src/layers/gateway/Gateway.ts"
import * as ReadBudget from "../../src/layers/gateway/ReadBudget.ts"
import * as HttpListener from "../../src/layers/net/HttpListener.ts"
import * as SignalsLocal from "../../src/layers/presence/SignalsLocal.ts"
import * as SessionsMemory from "../../src/layers/sessions/SessionsMemory.ts"
import * as SocketWs from "../../src/layers/socket/ws/SocketWs.ts"
import * as IntentHandlersLive from "../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../src/layers/topics/TopicsLocal.ts"
import { Chorus } from "../../src/services/Chorus.ts"
import { EventLog } from "../../src/services/EventLog.ts"
import { Kinds } from "../../src/services/Kinds.ts"
import { Sessions as SessionsService } from "../../src/services/Sessions.ts"
import { Socket } from "../../src/services/Socket.ts"
import { Topics } from "../../src/services/Topics.ts"

/** A new UUID. */
export const uuid = sequentialUuids(randomBytes(9))

/** A user with a key pair. */
export interface TestUser {
  readonly key: UserId
  readonly privateKey: KeyObject
  readonly sign: (text: string) => string
}

/** A user with a new key pair. */
export const makeTestUser = (): TestUser => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const key = UserId.make(publicKey.export({ format: "jwk" }).x!)
  return { key, privateKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url") }
}

/** A message from the server, unvalidated. */
export interface ReceivedMessage {
  readonly id: string
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly thread_id?: string
}

/** A WebSocket connection with a queue of received messages. */
export interface RawClient {
  readonly ws: WebSocket
  /** Sends a message; returns its id. */
  readonly send: (
    type: string,
    payload?: object,
    thread?: string,
    more?: { readonly id?: string; readonly signature?: string; readonly salt?: string }
  ) => string
  readonly next: Effect.Effect<ReceivedMessage>
  /** The next message of a type; messages before it are discarded. */
  readonly nextOf: (type: string) => Effect.Effect<ReceivedMessage>
  /** Waits for the close; its code. */
  readonly closed: Effect.Effect<number>
}

/** Opens a connection; fails with the HTTP status of a rejected upgrade, or 0 when no server listens. */
export const openClient = (
  url: string,
  options: ClientOptions = {},
  protocols: string | ReadonlyArray<string> = subprotocol
): Effect.Effect<RawClient, number, Scope.Scope> =>
  Effect.gen(function*() {
    const inbox = yield* Queue.unbounded<ReceivedMessage>()
    const codes = yield* Queue.unbounded<number>()
    const ws = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket(url, [...typeof protocols === "string" ? [protocols] : protocols], options)),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("message", (data) => Queue.offerUnsafe(inbox, JSON.parse(String(data)) as ReceivedMessage))
    ws.on("close", (code) => Queue.offerUnsafe(codes, code))
    yield* Effect.callback<void, number>((resume) => {
      ws.on("error", () => resume(Effect.fail(0)))
      ws.on("unexpected-response", (_request, response) => resume(Effect.fail(response.statusCode ?? 0)))
      ws.on("open", () => resume(Effect.void))
    })
    const next = Queue.take(inbox)
    return {
      ws,
      send: (type, payload = {}, topic, fields = {}) => {
        const message = {
          id: uuid(),
          type,
          payload,
          timestamp: 0,
          ...(topic === undefined ? {} : { thread_id: topic }),
          ...fields
        }
        ws.send(JSON.stringify(message))
        return message.id
      },
      next,
      nextOf: (type) => Effect.repeat(next, { until: (message) => message.type === type }),
      closed: Queue.take(codes)
    }
  })

/** Everything that a client receives before the reply to a heartbeat, which follows all earlier replies. */
export const receiveUntilReply = Effect.fnUntraced(function*(client: RawClient) {
  const ref = client.send("heartbeat")
  const received: Array<ReceivedMessage> = []
  for (;;) {
    const message = yield* client.next
    if (message.payload["ref_id"] === ref) return received
    received.push(message)
  }
})

/** Signs the challenge, after `tamper` changed it, and sends the signature. */
export const answerChallenge = (
  client: RawClient,
  { key, sign }: TestUser,
  options: {
    readonly client_id?: string
    readonly in_order?: boolean
    readonly tamper?: (
      challenge: Omit<ServerMessageOf<"challenge">, "_tag">
    ) => Omit<ServerMessageOf<"challenge">, "_tag">
  } = {}
) =>
  Effect.gen(function*() {
    client.send("connect", {
      public_key: key,
      ...(options.client_id === undefined ? {} : { client_id: options.client_id }),
      ...(options.in_order === undefined ? {} : { in_order: options.in_order })
    })
    const challenge = (yield* client.next).payload as unknown as Omit<ServerMessageOf<"challenge">, "_tag">
    const signature = sign(challengeSigningInput(options.tamper?.(challenge) ?? challenge, key))
    client.send("auth", { signature })
    return { challenge, signature, answer: yield* client.next }
  })

/** Signs in; returns the `init` message. */
export const signIn = (client: RawClient, user: TestUser, client_id?: string) =>
  Effect.map(answerChallenge(client, user, client_id === undefined ? {} : { client_id }), ({ answer }) => answer)

/** A signed-in connection. */
export interface SignedInClient extends RawClient {
  readonly user: TestUser
  readonly init: ReceivedMessage
}

/** Connects to a WebSocket endpoint and signs in, as a new user by default. */
export const connectSignedIn = Effect.fnUntraced(
  function*(url: string, user: TestUser = makeTestUser(), client_id?: string) {
    const client = yield* openClient(url)
    const init = yield* signIn(client, user, client_id)
    if (init.type !== "init") return yield* Effect.die(init)
    return { ...client, user, init } satisfies SignedInClient
  }
)

/** Sends a message and waits for its reply; other messages before it are discarded. */
export const request = (
  client: RawClient,
  ...message: Parameters<RawClient["send"]>
): Effect.Effect<ReceivedMessage> => Effect.suspend(() => replyTo(client, client.send(...message)))

/** Waits for the reply to a message id; other messages before it are discarded. */
export const replyTo = (client: RawClient, id: string): Effect.Effect<ReceivedMessage> =>
  Effect.repeat(client.next, { until: ({ payload }) => payload["ref_id"] === id })

interface ServerOptions {
  readonly limits?: Partial<Limits>
  /** Besides the built-in ones. */
  readonly kinds?: ReadonlyArray<AnyKind>
  /** The built-in kinds; default: all. */
  readonly builtIn?: ReadonlyMap<string, AnyKind>
  /** Overrides operations of the sessions service. */
  readonly sessions?: (made: SessionsService["Service"]) => Partial<SessionsService["Service"]>
  /** Overrides operations of the topics. */
  readonly topics?: (made: Topics["Service"]) => Partial<Topics["Service"]>
  /** Overrides operations of the event log. */
  readonly log?: (made: EventLog["Service"]) => Partial<EventLog["Service"]>
}

/** Every layer from the gateway to an in-memory event log, on the given socket engine. */
export const serverLayer = <A, E, R>(socket: Layer.Layer<Socket | A, E, R>, options: ServerOptions = {}) => {
  const limits: Limits = { ...defaults, ...options.limits }
  return Gateway.layer({ audience: () => "http://choir.test", limits }).pipe(
    Layer.provideMerge(SignalsLocal.layer(limits)),
    Layer.provideMerge(
      Layer.effect(Topics, Effect.map(Topics, (service) => ({ ...service, ...options.topics?.(service) }))).pipe(
        Layer.provideMerge(TopicsLocal.layer({ limits }))
      )
    ),
    Layer.provideMerge(IntentHandlersLive.layer),
    Layer.provideMerge(
      Layer.effect(EventLog, Effect.map(EventLog, (service) => ({ ...service, ...options.log?.(service) }))).pipe(
        Layer.provideMerge(EventLogMemory.layer)
      )
    ),
    Layer.provideMerge(
      Layer.succeed(
        Kinds,
        new Map([
          ...options.builtIn ?? builtInKinds,
          ...(options.kinds ?? []).map((kind) => [kind.name, kind] as const)
        ])
      )
    ),
    Layer.provideMerge(Layer.mock(Chorus, { modelInfo: { model: "none", offline: true } })),
    Layer.provideMerge(
      Layer.effect(
        SessionsService,
        Effect.map(SessionsService, (made) => ({ ...made, ...options.sessions?.(made) }))
      ).pipe(Layer.provide(SessionsMemory.layer(limits)))
    ),
    Layer.provideMerge(ReadBudget.layer(limits)),
    Layer.provideMerge(socket)
  )
}

/** The default settings of an engine, on a free port. */
export const engineOptions: SocketWs.NetworkEngineOptions = {
  host: "127.0.0.1",
  port: 0,
  limits: defaults,
  admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
}

/** The same on the `ws` engine and a free port. */
export const wsServerLayer = (
  options: ServerOptions & { readonly admission?: Partial<SocketWs.NetworkEngineOptions["admission"]> } = {}
) =>
  serverLayer(
    SocketWs.layer({
      ...engineOptions,
      limits: { ...defaults, ...options.limits },
      admission: { ...engineOptions.admission, ...options.admission }
    }).pipe(Layer.provideMerge(HttpListener.layer)),
    options
  )

/** Starts the engine; returns the URL of its WebSocket endpoint. */
export const startListening = Effect.gen(function*() {
  const socket = yield* Socket
  const { port } = yield* socket.start
  return `ws://127.0.0.1:${port}/ws`
})

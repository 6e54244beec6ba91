/** People with keys, and raw WebSocket clients for them: what goes out and what comes in, nothing hidden. */
import { Effect, Layer, Queue, type Scope } from "effect"
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import { type ClientOptions, WebSocket } from "ws"
import { UserId } from "../../src/domain/Ids.ts"
import { shipped } from "../../src/domain/kinds/Kinds.ts"
import { defaults, type Limits } from "../../src/domain/Limits.ts"
import { challengeText, type ServerMessageOf, subprotocol } from "../../src/domain/Protocol.ts"
import type { AnyKind } from "../../src/domain/Topic.ts"
import { counter } from "../../src/domain/Uuids.ts"
import * as Gateway from "../../src/layers/connection/Gateway.ts"
import * as EventLogMemory from "../../src/layers/eventlog/Memory.ts"
import * as Server from "../../src/layers/http/Server.ts"
import * as Performers from "../../src/layers/Performers.ts"
import * as Sessions from "../../src/layers/sessions/Memory.ts"
import * as Signals from "../../src/layers/signals/Local.ts"
import * as Ws from "../../src/layers/socket/Ws.ts"
import * as TopicsLocal from "../../src/layers/topics/Local.ts"
import { Chorus } from "../../src/services/Chorus.ts"
import { EventLog } from "../../src/services/EventLog.ts"
import { Kinds } from "../../src/services/Kinds.ts"
import { Sessions as SessionsService } from "../../src/services/Sessions.ts"
import { Socket } from "../../src/services/Socket.ts"

export const uuid = counter(randomBytes(9))

export interface Person {
  readonly key: UserId
  readonly privateKey: KeyObject
  readonly sign: (text: string) => string
}

export const person = (): Person => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const key = UserId.make(publicKey.export({ format: "jwk" }).x!)
  return { key, privateKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url") }
}

export interface Received {
  readonly id: string
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly thread_id?: string
}

export interface Client {
  readonly ws: WebSocket
  /** Sends a message and gives its id. */
  readonly send: (
    type: string,
    payload?: object,
    thread?: string,
    more?: { readonly id?: string; readonly signature?: string }
  ) => string
  readonly next: Effect.Effect<Received>
  /** The next message of a type; others on the way are dropped. */
  readonly nextOf: (type: string) => Effect.Effect<Received>
  /** The code it was closed with. */
  readonly closed: Effect.Effect<number>
}

/** Opens a connection; gives the HTTP status instead when it was turned away, 0 when nobody listens. */
export const open = (
  url: string,
  options: ClientOptions = {},
  protocols: string | ReadonlyArray<string> = subprotocol
): Effect.Effect<Client, number, Scope.Scope> =>
  Effect.gen(function*() {
    const inbox = yield* Queue.unbounded<Received>()
    const codes = yield* Queue.unbounded<number>()
    const ws = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket(url, [...typeof protocols === "string" ? [protocols] : protocols], options)),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("message", (data) => Queue.offerUnsafe(inbox, JSON.parse(String(data)) as Received))
    ws.on("close", (code) => Queue.offerUnsafe(codes, code))
    yield* Effect.callback<void, number>((resume) => {
      ws.on("error", () => resume(Effect.fail(0)))
      ws.on("unexpected-response", (_request, response) => resume(Effect.fail(response.statusCode ?? 0)))
      ws.on("open", () => resume(Effect.void))
    })
    const next = Queue.take(inbox)
    return {
      ws,
      send: (type, payload = {}, thread, more = {}) => {
        const message = {
          id: uuid(),
          type,
          payload,
          timestamp: 0,
          ...(thread === undefined ? {} : { thread_id: thread }),
          ...more
        }
        ws.send(JSON.stringify(message))
        return message.id
      },
      next,
      nextOf: (type) => Effect.repeat(next, { until: (message) => message.type === type }),
      closed: Queue.take(codes)
    }
  })

/** Answers the challenge with a signature over what `twist` makes of it. */
export const prove = (
  client: Client,
  { key, sign }: Person,
  options: {
    readonly client_id?: string
    readonly in_order?: boolean
    readonly twist?: (
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
    const signature = sign(challengeText(options.twist?.(challenge) ?? challenge, key))
    client.send("auth", { signature })
    return { challenge, signature, answer: yield* client.next }
  })

/** Signs in; the `init` message. */
export const signIn = (client: Client, who: Person, client_id?: string) =>
  Effect.map(prove(client, who, client_id === undefined ? {} : { client_id }), ({ answer }) => answer)

interface Behind {
  readonly limits?: Partial<Limits>
  /** Beside the shipped ones. */
  readonly kinds?: ReadonlyArray<AnyKind>
  /** Stands between sessions and the gateway. */
  readonly sessions?: (made: SessionsService["Service"]) => Partial<SessionsService["Service"]>
  /** Stands between the log and who uses it. */
  readonly log?: (made: EventLog["Service"]) => Partial<EventLog["Service"]>
}

/** The whole way of a message, on an in-memory log, behind a socket engine. */
export const behind = <A, E, R>(socket: Layer.Layer<Socket | A, E, R>, options: Behind = {}) => {
  const limits: Limits = { ...defaults, ...options.limits }
  return Gateway.layer({ audience: () => "http://choir.test", limits }).pipe(
    Layer.provideMerge(Signals.layer(limits)),
    Layer.provideMerge(TopicsLocal.layer({ limits })),
    Layer.provideMerge(Performers.layer),
    Layer.provideMerge(
      Layer.effect(EventLog, Effect.map(EventLog, (made) => ({ ...made, ...options.log?.(made) }))).pipe(
        Layer.provideMerge(EventLogMemory.layer)
      )
    ),
    Layer.provideMerge(
      Layer.succeed(Kinds, new Map([...shipped, ...(options.kinds ?? []).map((kind) => [kind.name, kind] as const)]))
    ),
    Layer.provideMerge(Layer.mock(Chorus, { describe: { model: "none", offline: true } })),
    Layer.provideMerge(
      Layer.effect(
        SessionsService,
        Effect.map(SessionsService, (made) => ({ ...made, ...options.sessions?.(made) }))
      ).pipe(Layer.provide(Sessions.layer(limits)))
    ),
    Layer.provideMerge(socket)
  )
}

/** The same on a port of its own. */
export const server = (options: Behind & { readonly admission?: Partial<Ws.Options["admission"]> } = {}) =>
  behind(
    Ws.layer({
      host: "127.0.0.1",
      port: 0,
      limits: { ...defaults, ...options.limits },
      admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [], ...options.admission }
    }).pipe(Layer.provideMerge(Server.layer)),
    options
  )

/** Starts the engine; the address of its socket. */
export const listening = Effect.gen(function*() {
  const socket = yield* Socket
  const { port } = yield* socket.start
  return `ws://127.0.0.1:${port}/ws`
})

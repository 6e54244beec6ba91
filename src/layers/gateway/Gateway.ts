/**
 * Connects the socket engine to the machines of its connections: frames become messages, intents become calls of other
 * services. It holds no rules.
 *
 * **When to use**
 *
 * Use it to serve Choir's protocol on a socket engine. `App.layer` contains it; compose it yourself to replace a service
 * or to serve topics of your own beside other parts of an application.
 *
 * **Details**
 *
 * All of it runs in the socket's own callbacks. A fiber is started only for work that takes time: verifying signatures,
 * reading sessions, lists and states. The state of each connection is a `Ref` of `ConnectionState`, which the machine in
 * `domain/connection` replaces per message and which `state` gives to read.
 *
 * **Gotchas**
 *
 * It does not start the socket: call `Socket.start` when all topics have recovered. It does not run `drain` when its scope
 * closes: run it before. `audience` must be the origin by which clients reach the server, or no signature is valid (SEC3).
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer, Ref } from "effect"
 *
 * const limits = Domain.Limits.defaults
 * const server = Layers.Gateway.layer({ audience: () => "http://localhost", limits }).pipe(
 *   Layer.provideMerge(Layers.SignalsLocal.layer(limits)),
 *   Layer.provideMerge(Layers.TopicsLocal.layer()),
 *   Layer.provideMerge(Layers.IntentHandlersLive.layer),
 *   Layer.provideMerge(Layers.EventLogMemory.layer),
 *   Layer.provideMerge(Layers.SessionsMemory.layer(limits)),
 *   Layer.provideMerge(Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds)),
 *   Layer.provideMerge(Layer.mock(Services.Chorus.Chorus, { modelInfo: { model: "none", offline: true } })),
 *   Layer.provideMerge(Layers.SocketMemory.layer(limits))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* Services.Socket.Socket
 *   const gateway = yield* Layers.Gateway.Gateway
 *   yield* socket.start
 *   const client = (yield* Layers.SocketMemory.MemoryConnector).connect()
 *   yield* Effect.callback<void>((resume) =>
 *     client.addEventListener("open", () => resume(Effect.void))
 *   )
 *   const [connection] = yield* socket.getAllConnections
 *   const state = connection && gateway.state(connection.id)
 *   return state && (yield* Ref.get(state)).status
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, server))))
 * // => { _tag: "Unauthenticated" }
 * ```
 */
import { Clock, Context, Effect, FiberSet, Layer, type Ref, Result, type Scope } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { ConnectionState } from "../../domain/connection/Connection.ts"
import * as DrainSchedule from "../../domain/connection/DrainSchedule.ts"
import * as FrameDecoder from "../../domain/connection/FrameDecoder.ts"
import type { ConnectionId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as Uuids from "../../domain/protocol/Uuids.ts"
import { isReader } from "../../domain/topic/TopicAccess.ts"
import { Chorus } from "../../services/Chorus.ts"
import { Directory } from "../../services/Directory.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Sessions } from "../../services/Sessions.ts"
import { Signals } from "../../services/Signals.ts"
import { type Connection as SocketConnection, Socket, SocketError } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as TimerWheel from "../runtime/TimerWheel.ts"
import * as AgentAccess from "./AgentAccess.ts"
import * as AuthRateLimiter from "./AuthRateLimiter.ts"
import * as CatchUpQueue from "./CatchUpQueue.ts"
import { ClientConnection, type ConnectionEvents, stateOf } from "./ClientConnection.ts"
import * as ConnectionIntents from "./ConnectionIntents.ts"
import { ConnectionRegistry } from "./ConnectionRegistry.ts"
import {
  closeRequested,
  completeReply,
  type ConnectionRuntime,
  dispatch,
  handleTimer,
  now,
  scheduleTimer,
  sendMessage,
  slowConsumerClose
} from "./ConnectionRuntime.ts"
import * as DailyCounters from "./DailyCounters.ts"
import { ReadBudget } from "./ReadBudget.ts"
import * as SessionRotation from "./SessionRotation.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as UserBudgets from "./UserBudgets.ts"

/** The options of the gateway. */
export interface GatewayOptions {
  /** The server's public origin, for which clients sign challenges (SEC3). */
  readonly audience: () => string
  readonly limits: Limits
}

/** The signed-in and signing-in clients of the socket engine. */
export class Gateway extends Context.Service<Gateway, {
  /**
   * Sends `goodbye` to all clients, then closes their connections one after another with 1012 (SYN11): within
   * `drainSpread` milliseconds, and sooner if few are connected.
   */
  readonly drain: Effect.Effect<void>
  /** The state of a connection's machine (CON1), to read: only the gateway writes it. Undefined if there is none. */
  readonly state: (id: ConnectionId) => Ref.Ref<ConnectionState> | undefined
  /** State hashes that clients found equal and different so far: `sync_accuracy` is the share of matches (SYN7). */
  readonly syncCounts: Readonly<{ matches: number; mismatches: number }>
}>()("choir/layers/gateway/Gateway") {}

type Dependencies = Socket | Topics | Signals | Sessions | Directory | Kinds | Chorus

const make = Effect.fnUntraced(function*(
  options: GatewayOptions
): Effect.fn.Return<Gateway["Service"], never, Dependencies | Scope.Scope> {
  const socket = yield* Socket
  const decodeFrame = FrameDecoder.makeDecoder(yield* Kinds, options.limits)
  const runtime = yield* makeRuntime(options)
  const events = makeEvents(runtime)
  const clients = new Map<ConnectionId, ClientConnection>()
  let draining = false
  let epoch = 0

  yield* socket.onConnection((connection) => {
    const client = new ClientConnection(connection, ++epoch, runtime.metrics, events)
    clients.set(connection.id, client)
    connection.attachment = client
    scheduleTimer(runtime, client)
    if (draining) dispatch(runtime, client, restartClose(DrainSchedule.maxRetryMillis))
  })
  yield* socket.onDisconnection((connection, code) => {
    const client = clientOf(connection)
    if (client === undefined) return
    clients.delete(connection.id)
    connection.attachment = undefined
    client.catchUpQueue.length = 0
    dispatch(runtime, client, { _tag: "SocketClosed", at: now(runtime), code })
    runtime.registry.release(client, now(runtime))
    runtime.wheel.cancel(client)
  })
  yield* socket.onDrained((connection, coalesced) => {
    const client = clientOf(connection)
    if (client !== undefined) CatchUpQueue.handleDrained(runtime, client, coalesced)
  })
  yield* socket.registerMessageHandler("*", (connection, text) => {
    const client = clientOf(connection)
    if (client !== undefined) receiveFrame(runtime, decodeFrame, client, text)
  })
  yield* runtime.sessions.onRevoked((revocation) => SessionRotation.handleRevocation(runtime, revocation))
  yield* runtime.topics.onTitleErased((topic, readers) => {
    for (const client of clients.values()) {
      const { subscriber } = client
      if (subscriber === undefined || !isReader(readers, subscriber.user)) continue
      sendMessage(runtime, client, undefined, { _tag: "title_erased" }, topic)
    }
  })
  // CON4: the engine closes the connection of a defect, and no other. Faults of the transport are the peer's or the network's.
  yield* socket.onError((connection, fault) => {
    const log = fault instanceof SocketError
      ? Effect.logDebug(fault.message)
      : Effect.logError("a connection failed with a defect", fault)
    runtime.runFork(Effect.annotateLogs(log, { connection: connection.id }))
  })

  return Gateway.of({
    drain: Effect.suspend(() => {
      draining = true
      return drain(runtime, clients)
    }),
    state: (id) => clients.get(id)?.state,
    syncCounts: runtime.syncCounts
  })
})

const makeRuntime = Effect.fnUntraced(function*(
  { audience, limits }: GatewayOptions
): Effect.fn.Return<ConnectionRuntime, never, Dependencies | Scope.Scope> {
  const wheel = yield* TimerWheel.make(Math.min(TimerWheel.defaultTickMillis, limits.authTimeout))
  const kinds = yield* Kinds
  const topics = yield* Topics
  return {
    limits,
    clock: yield* Clock.Clock,
    metrics: yield* Metrics,
    wheel,
    handlers: ConnectionIntents.handlers,
    registry: new ConnectionRegistry(
      UserBudgets.make(limits, kinds),
      wheel,
      (client, attestation) => AgentAccess.endWatch(topics, client, attestation)
    ),
    limitVerifications: AuthRateLimiter.make(limits, wheel),
    dailyBudgets: { runs: DailyCounters.make(), grants: DailyCounters.make() },
    kinds,
    readBudget: yield* ReadBudget,
    topics,
    signals: yield* Signals,
    sessions: yield* Sessions,
    directory: yield* Directory,
    chorus: (yield* Chorus).modelInfo,
    audience,
    syncCounts: { matches: 0, mismatches: 0 },
    nextId: Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9)),
    runFork: yield* FiberSet.makeRuntime<Topics, void, never>()
  }
})

const makeEvents = (runtime: ConnectionRuntime): ConnectionEvents => ({
  onTimer: (client, at) => handleTimer(runtime, client, at),
  onFrameHeld: (client) => {
    if (client.heldLength > runtime.limits.outboxMax) dispatch(runtime, client, slowConsumerClose)
  },
  onRepliesSent: (client) => CatchUpQueue.startNextCatchUp(runtime, client),
  onAccessRevoked: (client, topic) => Subscriptions.handleAccessRevoked(runtime, client, topic)
})

const clientOf = ({ attachment }: SocketConnection): ClientConnection | undefined =>
  attachment instanceof ClientConnection ? attachment : undefined

/** Decodes a frame and steps the machine with it, in a reply slot of its own. */
const receiveFrame = (
  runtime: ConnectionRuntime,
  decodeFrame: FrameDecoder.FrameDecoder,
  client: ClientConnection,
  text: string
): void => {
  runtime.metrics.messagesReceived.value += 1
  const at = now(runtime)
  const slot = ReplyOrder.openSlot(client)
  const bytes = Buffer.byteLength(text)
  const result = decodeFrame(text)
  if (Result.isFailure(result)) {
    dispatch(runtime, client, { _tag: "FrameRejected", at, bytes, ...result.failure }, slot)
  } else {
    const incoming = result.success
    const { budget, wait } = runtime.registry.userBudgets.consume(client.userBudget, stateOf(client), incoming, at)
    dispatch(runtime, client, { _tag: "MessageReceived", at, bytes, incoming, budget, wait }, slot)
  }
  completeReply(client, slot)
}

const restartClose = (retryAfter: number) => closeRequested(closeCode.restart, "the server restarts", true, retryAfter)

/** SYN11: `goodbye` to all first, so that every client has its retry delay; then one close per interval. */
const drain = Effect.fnUntraced(function*(
  runtime: ConnectionRuntime,
  clients: ReadonlyMap<ConnectionId, ClientConnection>
) {
  const interval = DrainSchedule.closeInterval(clients.size, runtime.limits)
  let index = 0
  for (const client of clients.values()) {
    ConnectionIntents.sendGoodbye(runtime, client, restartClose(DrainSchedule.retryDelay(index++, interval)))
  }
  for (const client of clients.values()) {
    dispatch(runtime, client, restartClose(0))
    yield* Effect.sleep(interval)
  }
})

/** Serves the socket engine's connections. */
export const layer = (options: GatewayOptions): Layer.Layer<Gateway, never, Dependencies> =>
  Layer.effect(Gateway, make(options))

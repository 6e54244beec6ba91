/**
 * Drives the pure `Connection` machine: frames become messages, intents become
 * calls on topics, signals and sessions. It holds no rules.
 *
 * All of it runs in the socket's own callback; a fiber is started only for
 * what waits: signatures, session look-ups, lists.
 */
import { Clock, Context, Effect, FiberSet, Layer, Result, type Scope } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type * as Connection from "../../domain/connection/Connection.ts"
import * as FrameDecoder from "../../domain/connection/FrameDecoder.ts"
import type { ConnectionId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as Uuids from "../../domain/protocol/Uuids.ts"
import { Chorus } from "../../services/Chorus.ts"
import { Directory } from "../../services/Directory.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Sessions } from "../../services/Sessions.ts"
import { Signals } from "../../services/Signals.ts"
import { type Connection as SocketConnection, Socket } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as TimerWheel from "../runtime/TimerWheel.ts"
import * as Authentication from "./Authentication.ts"
import * as ClientConnection from "./ClientConnection.ts"
import * as ConnectionRuntime from "./ConnectionRuntime.ts"
import * as Queries from "./Queries.ts"
import * as TopicRequests from "./TopicRequests.ts"
import * as UserBudgets from "./UserBudgets.ts"

export interface GatewayOptions {
  /** What a signature is made for: this server's public origin (SEC3). */
  readonly audience: () => string
  readonly limits: Limits
}

/** The people at the other ends of the sockets. */
export class Gateway extends Context.Service<Gateway, {
  /**
   * Says goodbye to everybody, then closes their connections one after another with 1012 (SYN11): at most
   * `drainSpread` ms for all, and no longer than the number of clients needs.
   */
  readonly drain: Effect.Effect<void>
  /** The state of a connection's machine, for tests and metrics. */
  readonly stateOf: (id: ConnectionId) => Connection.State | undefined
  /** Hashes of states that clients have found right and wrong so far: `sync_accuracy` is the share of the former (SYN7). */
  readonly syncCounts: Readonly<{ matches: number; mismatches: number }>
}>()("choir/layers/gateway/Gateway") {}

type Dependencies = Socket | Topics | Signals | Sessions | Directory | Kinds | Chorus

const make = Effect.fnUntraced(function*(
  { audience, limits }: GatewayOptions
): Effect.fn.Return<Gateway["Service"], never, Dependencies | Scope.Scope> {
  const socket = yield* Socket
  const topics = yield* Topics
  const signals = yield* Signals
  const sessions = yield* Sessions
  const directory = yield* Directory
  const metrics = yield* Metrics
  const chorus = (yield* Chorus).modelInfo
  const kinds = yield* Kinds
  const decodeFrame = FrameDecoder.makeDecoder(kinds, limits)
  const runFork = yield* FiberSet.makeRuntime<Topics, void, never>()
  const clients = new Map<ConnectionId, ClientConnection.ClientConnection>()
  const userBudgets = UserBudgets.make<ClientConnection.ClientConnection>(limits, kinds)
  const syncCounts = { matches: 0, mismatches: 0 }
  let draining = false
  let epoch = 0

  const runtime: ConnectionRuntime.ConnectionRuntime = ConnectionRuntime.make({
    limits,
    clock: yield* Clock.Clock,
    metrics,
    nextId: Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9)),
    wheel: yield* TimerWheel.make(Math.min(TimerWheel.defaultTickMillis, limits.authTimeout)),
    runFork,
    perform: (client, intent, slot) => perform(client, intent, slot),
    releaseUser: (client) => authentication.releaseUser(client)
  })
  const authentication = Authentication.make({
    runtime,
    userBudgets,
    sessions,
    directory,
    chorus,
    audience,
    onAccessRevoked: (client, topic) => topicRequests.handleAccessRevoked(client, topic)
  })
  const topicRequests = TopicRequests.make({ runtime, topics, signals, sessions })
  const queries = Queries.make({ runtime, topics, directory })

  const perform: ConnectionRuntime.PerformIntent = (client, intent, slot) => {
    switch (intent._tag) {
      case "IssueChallenge":
        return authentication.issueChallenge(client, intent, slot)
      case "VerifySignature":
        return runtime.startRequest(client, slot, intent.ref, authentication.verify(client, intent, slot))
      case "ResumeSession":
        return runtime.startRequest(client, slot, intent.ref, authentication.resume(client, intent, slot))
      case "SendInit":
        return authentication.sendInit(client, intent, slot)
      case "RenewSession":
        return runtime.startRequest(client, slot, intent.ref, authentication.renew(client, intent, slot))
      case "RevokeSession":
        return authentication.revoke(client, intent.session)
      case "ExtendSession":
        return void runFork(Effect.ignore(sessions.extend(intent.session, intent.until)))
      case "SubmitCommand":
        return topicRequests.submitCommand(client, intent, slot)
      case "Subscribe":
        return topicRequests.subscribe(client, intent, slot)
      case "Unsubscribe":
        return topicRequests.unsubscribe(client, intent.topic)
      case "Acknowledge": // Flow control reads the socket itself; an ack is counted, no more.
        syncCounts.matches += intent.matches
        client.acknowledge(intent.topic, intent.seq)
        return
      case "RecordDesync": {
        syncCounts.mismatches += 1
        const { expected, found, seq, topic } = intent
        return void runFork(
          Effect.logWarning("a client's copy of a topic has drifted away").pipe(
            Effect.annotateLogs({ topic, seq, expected, found, connection: client.connection.id })
          )
        )
      }
      case "SetSignal":
        return client.subscriber && signals.setSignal(intent.topic, client.subscriber, intent.key, intent.value)
      case "ListThreads":
        return runtime.startRequest(client, slot, intent.ref, queries.listThreads(client, intent, slot))
      case "ReadThread":
        return runtime.startRequest(client, slot, intent.ref, queries.readThread(client, intent, slot))
      case "ReadUser":
        return runtime.startRequest(client, slot, intent.ref, queries.readUser(client, intent, slot))
      case "SendReply":
        return runtime.sendMessage(client, slot, intent.message, intent.topic ?? undefined)
      case "Close":
        return close(client, intent)
      default:
        return intent satisfies never
    }
  }

  const sendGoodbye = (
    client: ClientConnection.ClientConnection,
    { code, reason, resume, retry_after_ms }: Omit<ConnectionRuntime.IntentOf<"Close">, "_tag">
  ) => {
    if (client.goodbyeSent) return
    client.goodbyeSent = true
    runtime.sendMessage(client, undefined, { _tag: "goodbye", code, reason, resume, retry_after_ms })
  }

  const close = (client: ClientConnection.ClientConnection, intent: ConnectionRuntime.IntentOf<"Close">) => {
    sendGoodbye(client, intent)
    authentication.releaseUser(client)
    runFork(client.connection.close(intent.code, intent.reason))
  }

  const handleFrame = (client: ClientConnection.ClientConnection, text: string) => {
    metrics.messagesReceived.value += 1
    const at = runtime.now()
    const slot = ReplyOrder.open(client)
    const bytes = Buffer.byteLength(text)
    const result = decodeFrame(text)
    if (Result.isFailure(result)) {
      runtime.dispatch(client, { _tag: "FrameRejected", at, bytes, ...result.failure }, slot)
    } else {
      const incoming = result.success
      const { budget, wait } = userBudgets.consume(client.userBudget, ClientConnection.stateOf(client), incoming, at)
      runtime.dispatch(client, { _tag: "MessageReceived", at, bytes, incoming, budget, wait }, slot)
    }
    runtime.completeReply(client, slot)
  }

  yield* socket.onConnection((connection) => {
    const client = new ClientConnection.ClientConnection(connection, ++epoch, metrics, runtime.onTimer)
    clients.set(connection.id, client)
    connection.attachment = client
    runtime.scheduleTimer(client)
    if (draining) runtime.dispatch(client, { _tag: "CloseRequested", ...restartNotice, retry_after_ms: maxRetryMillis })
  })
  yield* socket.onDisconnection((connection, code) => {
    const client = clientOf(connection)
    if (client === undefined) return
    clients.delete(connection.id)
    connection.attachment = undefined
    runtime.dispatch(client, { _tag: "SocketClosed", at: runtime.now(), code })
    authentication.releaseUser(client)
    runtime.wheel.cancel(client)
  })
  yield* socket.onDrained((connection, coalesced) => {
    const client = clientOf(connection)
    if (client !== undefined) topicRequests.handleDrained(client, coalesced)
  })
  yield* socket.registerMessageHandler("*", (connection, text) => {
    const client = clientOf(connection)
    if (client === undefined) return
    try {
      handleFrame(client, text)
    } catch (defect) {
      // A broken invariant ends this connection, and no other (CON4).
      runFork(
        Effect.andThen(Effect.logError("a connection met a defect", defect), connection.close(closeCode.internal, ""))
      )
    }
  })

  const drain = Effect.gen(function*() {
    draining = true
    const interval = Math.min(limits.drainSpread / Math.max(1, clients.size), closeIntervalMillis)
    let index = 0
    for (const client of clients.values()) {
      sendGoodbye(client, { ...restartNotice, retry_after_ms: Math.min(maxRetryMillis, Math.ceil(index++ * interval)) })
    }
    for (const client of clients.values()) {
      runtime.dispatch(client, { _tag: "CloseRequested", ...restartNotice, retry_after_ms: 0 })
      yield* Effect.sleep(interval)
    }
  })

  return Gateway.of({
    drain,
    syncCounts,
    stateOf: (id) => {
      const client = clients.get(id)
      return client === undefined ? undefined : ClientConnection.stateOf(client)
    }
  })
})

const clientOf = ({ attachment }: SocketConnection): ClientConnection.ClientConnection | undefined =>
  attachment instanceof ClientConnection.ClientConnection ? attachment : undefined

const restartNotice = { code: closeCode.restart, reason: "the server restarts", resume: true }

/** Milliseconds between two closes of a drain, and the longest a client is asked to wait before it comes back. */
const closeIntervalMillis = 5
const maxRetryMillis = 5_000

/** Serves the socket engine's connections. */
export const layer = (options: GatewayOptions): Layer.Layer<Gateway, never, Dependencies> =>
  Layer.effect(Gateway, make(options))

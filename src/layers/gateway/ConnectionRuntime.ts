/**
 * Steps the machines of connections, executes their intents and sends their replies in order. The rules are in
 * `domain/connection`, what an intent does is in the handlers; both arrive as values.
 */
import { type Clock, Effect, MutableRef } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import * as Connection from "../../domain/connection/Connection.ts"
import { replyLane } from "../../domain/delivery/Lane.ts"
import type { Instant, TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import type { Chorus } from "../../services/Chorus.ts"
import type { Directory } from "../../services/Directory.ts"
import type { Kinds } from "../../services/Kinds.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Sessions } from "../../services/Sessions.ts"
import type { Signals } from "../../services/Signals.ts"
import type { Topics } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import * as SharedFrame from "../delivery/SharedFrame.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { TimerWheel } from "../runtime/TimerWheel.ts"
import type { AuthRateLimiter } from "./AuthRateLimiter.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import type { ConnectionRegistry } from "./ConnectionRegistry.ts"
import type { DailyCounters } from "./DailyCounters.ts"
import type { ReadBudgetService } from "./ReadBudget.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** An intent by its tag. */
export type IntentOf<T extends Connection.Intent["_tag"]> = Extract<Connection.Intent, { readonly _tag: T }>

/** The slot of the replies to the message that caused an intent; undefined when no message did. */
export type ReplyTarget = ReplyOrder.ReplySlot | undefined

/** Executes one kind of intent. Must not block: longer work is started with `startRequest`. */
export type ConnectionIntentHandler<T extends Connection.Intent["_tag"]> = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  intent: IntentOf<T>,
  slot: ReplyTarget
) => void

/** One handler for each kind of intent. */
export type ConnectionIntentHandlers = { readonly [T in Connection.Intent["_tag"]]: ConnectionIntentHandler<T> }

/** The dependencies and state of the gateway's functions. One value per gateway. */
export interface ConnectionRuntime {
  readonly limits: Limits
  readonly clock: Clock.Clock
  readonly metrics: Metrics
  readonly wheel: TimerWheel
  readonly handlers: ConnectionIntentHandlers
  readonly registry: ConnectionRegistry
  readonly limitVerifications: AuthRateLimiter
  /** Runs of the Chorus (SEC29), and grants of tokens (LED3). */
  readonly dailyBudgets: Readonly<Record<"runs" | "grants", DailyCounters>>
  readonly kinds: Kinds["Service"]
  readonly readBudget: ReadBudgetService
  readonly topics: Topics["Service"]
  readonly signals: Signals["Service"]
  readonly sessions: Sessions["Service"]
  readonly directory: Directory["Service"]
  readonly chorus: Chorus["Service"]["modelInfo"]
  /** The public origin that challenges name (SEC3). */
  readonly audience: () => string
  /** State hashes that clients found equal and different (SYN7). */
  readonly syncCounts: { matches: number; mismatches: number }
  /** The id of the next message. */
  readonly nextId: () => string
  readonly runFork: (effect: Effect.Effect<void, never, Topics>) => unknown
}

/** The server's time in milliseconds. */
export const now = ({ clock }: ConnectionRuntime): Instant => clock.currentTimeMillisUnsafe()

/** Seconds of a clock that never jumps, for measuring durations. */
export const monotonicSeconds = ({ clock }: ConnectionRuntime): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e9

// -- Stepping ----------------------------------------------------------------

/**
 * Steps the machine of a connection with a message and executes the intents. Messages that arrive meanwhile are queued;
 * `slot` takes the replies.
 */
export const dispatch = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  message: Connection.Message,
  slot?: ReplyTarget
): void => {
  if (client.stepping) return void client.mailbox.push({ message, slot })
  client.stepping = true
  try {
    step(runtime, client, message, slot)
    for (let next = client.mailbox.shift(); next !== undefined; next = client.mailbox.shift()) {
      step(runtime, client, next.message, next.slot)
    }
  } finally {
    client.stepping = false
  }
}

const step = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  message: Connection.Message,
  slot: ReplyTarget
): void => {
  const previous = stateOf(client)
  const [state, intents] = Connection.step(previous, message, runtime.limits)
  // Set at once: running `Ref.set` would start a fiber twice per command. Nothing else writes the ref, and messages that only
  // read leave the state as it is.
  if (state !== previous) MutableRef.set(client.state.ref, state)
  if (state.status !== previous.status) scheduleTimer(runtime, client)
  for (const intent of intents) execute(runtime, client, intent, slot)
  if (state.user === null) runtime.registry.release(client, now(runtime))
}

/** `Intent` as a union over its tags, so that the compiler relates an intent to its handler. */
type Tagged<T extends Connection.Intent["_tag"]> = { [K in T]: IntentOf<K> }[T]

const execute = <T extends Connection.Intent["_tag"]>(
  runtime: ConnectionRuntime,
  client: ClientConnection,
  intent: Tagged<T>,
  slot: ReplyTarget
): void => {
  const tag: T = intent._tag
  const handler: (
    runtime: ConnectionRuntime,
    client: ClientConnection,
    intent: Tagged<T>,
    slot: ReplyTarget
  ) => void = runtime.handlers[tag]
  handler(runtime, client, intent, slot)
}

// -- Timers ------------------------------------------------------------------

/** Sets the connection's timer to the deadline of its state, unless it fires before that anyway. */
export const scheduleTimer = ({ limits, wheel }: ConnectionRuntime, client: ClientConnection): void => {
  const dueAt = Connection.nextTimerAt(stateOf(client), limits)
  if (dueAt === undefined || dueAt >= client.timerAt) return
  client.timerAt = dueAt
  wheel.schedule(client, dueAt)
}

/** Handles the connection's timer, and sets it again. */
export const handleTimer = (runtime: ConnectionRuntime, client: ClientConnection, at: Instant): void => {
  client.timerAt = Number.POSITIVE_INFINITY
  dispatch(runtime, client, { _tag: "TimerFired", at })
  scheduleTimer(runtime, client)
}

// -- Replies -----------------------------------------------------------------

/** A message for a client, as a whole or around a value that is encoded already. */
export type Reply = ServerMessage | SharedFrame.SharedMessage

/** Encodes a message as a frame. */
export const makeFrame = (
  runtime: ConnectionRuntime,
  message: Reply,
  topic?: TopicId,
  lane: OutboundFrame["lane"] = replyLane
): OutboundFrame =>
  SharedFrame.makeFrame(message, { id: runtime.nextId(), timestamp: now(runtime), thread_id: topic }, lane)

/** Sends a message in its slot's turn; at once without a slot. Returns its frame. */
export const sendMessage = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  slot: ReplyTarget,
  message: Reply,
  topic?: TopicId
): OutboundFrame => {
  if ("_tag" in message && message._tag === "error") runtime.metrics.errors[message.code].value += 1
  const frame = makeFrame(runtime, message, topic)
  if (slot === undefined) client.deliver(frame)
  else ReplyOrder.reply(client, slot, frame, client)
  return frame
}

/** Releases one of the holds that keep a slot open. */
export const completeReply = (client: ClientConnection, slot: ReplyTarget): void => {
  if (slot === undefined) return
  ReplyOrder.complete(client, slot, client)
  client.onReplySent()
}

// -- Requests ----------------------------------------------------------------

/**
 * Starts the request of message `ref`. Its slot stays open until the effect ends; a defect is answered as an error. `onEnd`
 * is called after the reply.
 */
export const startRequest = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  slot: ReplyTarget,
  ref: string,
  effect: Effect.Effect<void, never, Topics>,
  onEnd: () => void = () => {}
): void => {
  if (slot !== undefined) slot.pendingCount += 1
  runtime.runFork(effect.pipe(
    Effect.tapDefect((defect) => Effect.logError("a request failed with a defect", defect)),
    Effect.catchDefect(() =>
      Effect.sync(() => rejectRequest(runtime, client, slot, ref, null, ServerMessages.internalError))
    ),
    Effect.ensuring(Effect.sync(() => {
      completeReply(client, slot)
      onEnd()
    }))
  ))
}

/** Gives the machine the outcome of a request; without a rejection it succeeded. */
export const completeRequest = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  topic: TopicId | null,
  rejection?: Pick<ServerMessages.RequestRejection, "code" | "message">
): void =>
  dispatch(runtime, client, {
    _tag: "RequestCompleted",
    topic,
    code: rejection?.code ?? null,
    message: rejection?.message ?? ""
  })

/** Answers a request with an error, and completes it. */
export const rejectRequest = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  slot: ReplyTarget,
  ref: string,
  topic: TopicId | null,
  rejection: ServerMessages.RequestRejection
): void => {
  sendMessage(runtime, client, slot, ServerMessages.error(ref, rejection), topic ?? undefined)
  completeRequest(runtime, client, topic, rejection)
}

/**
 * Starts a request whose effect ends with the reply, or with a rejection, which is answered as an error. `onReply` is
 * called with the frame of the reply, `onEnd` in any case.
 */
export const answerRequest = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  slot: ReplyTarget,
  { ref, topic }: { readonly ref: string; readonly topic?: TopicId },
  reply: Effect.Effect<Reply, ServerMessages.RequestRejection, Topics>,
  onReply: (frame: OutboundFrame) => void = () => {},
  onEnd?: () => void
): void =>
  startRequest(
    runtime,
    client,
    slot,
    ref,
    Effect.match(reply, {
      onFailure: (rejection) => rejectRequest(runtime, client, slot, ref, topic ?? null, rejection),
      onSuccess: (message) => {
        onReply(sendMessage(runtime, client, slot, message, topic))
        completeRequest(runtime, client, topic ?? null)
      }
    }),
    onEnd
  )

// -- Closing -----------------------------------------------------------------

/** The message by which the server closes a connection. */
export const closeRequested = (
  code: number,
  reason: string,
  resume: boolean,
  retryAfter = 0
): Extract<Connection.Message, { readonly _tag: "CloseRequested" }> => ({
  _tag: "CloseRequested",
  code,
  reason,
  resume,
  retry_after_ms: retryAfter
})

/** CON8: the connection queues more than is allowed. The client reconnects and catches up from its positions. */
export const slowConsumerClose = closeRequested(
  closeCode.slowConsumer,
  "the client reads too slowly: reconnect and catch up",
  true
)

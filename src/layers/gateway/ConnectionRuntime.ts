/**
 * What all parts of the gateway stand on: stepping a connection's machine, and
 * saying things to its client in order.
 */
import { type Clock, Effect } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import * as Connection from "../../domain/connection/Connection.ts"
import { replyLane } from "../../domain/delivery/Lane.ts"
import type { Instant, TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { encodeServerMessage, type ServerMessage } from "../../domain/protocol/Protocol.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Topics } from "../../services/Topics.ts"
import * as ReplyOrder from "../delivery/ReplyOrder.ts"
import type { Metrics } from "../observability/Metrics.ts"
import type { TimerWheel } from "../runtime/TimerWheel.ts"
import { type ClientConnection, stateOf } from "./ClientConnection.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** An intent by its tag. */
export type IntentOf<T extends Connection.Intent["_tag"]> = Extract<Connection.Intent, { readonly _tag: T }>

/** Where the answers to the message at hand go; undefined when nobody asked. */
export type ReplyTarget = ReplyOrder.ReplySlot | undefined

export type PerformIntent = (client: ClientConnection, intent: Connection.Intent, slot: ReplyTarget) => void

export interface RuntimeOptions {
  readonly limits: Limits
  readonly clock: Clock.Clock
  readonly metrics: Metrics
  /** Names messages. */
  readonly nextId: () => string
  readonly wheel: TimerWheel
  readonly runFork: (effect: Effect.Effect<void, never, Topics>) => unknown
  /** Carries out an intent. */
  readonly perform: PerformIntent
  /** The connection stands for nobody any more. */
  readonly releaseUser: (client: ClientConnection) => void
}

export type ConnectionRuntime = ReturnType<typeof make>

export const make = ({ clock, limits, metrics, nextId, perform, releaseUser, runFork, wheel }: RuntimeOptions) => {
  const now = () => clock.currentTimeMillisUnsafe()
  /** For measuring: no jump of the clock shows in it. */
  const monotonicSeconds = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e9

  const makeFrame = (
    message: ServerMessage,
    topic?: TopicId,
    lane: OutboundFrame["lane"] = replyLane
  ): OutboundFrame => ({
    text: encodeServerMessage(message, { id: nextId(), timestamp: now(), thread_id: topic }),
    lane
  })

  const sendMessage = (client: ClientConnection, slot: ReplyTarget, message: ServerMessage, topic?: TopicId) => {
    if (message._tag === "error") metrics.errors[message.code].value += 1
    if (slot === undefined) client.deliver(makeFrame(message, topic))
    else ReplyOrder.reply(client, slot, makeFrame(message, topic), client)
  }

  const completeReply = (client: ClientConnection, slot: ReplyTarget) => {
    if (slot !== undefined) ReplyOrder.complete(client, slot, client)
  }

  const dispatch = (client: ClientConnection, message: Connection.Message, slot?: ReplyTarget) => {
    if (client.stepping) return void client.inbox.push({ message, slot })
    client.stepping = true
    try {
      step(client, message, slot)
      for (let next = client.inbox.shift(); next !== undefined; next = client.inbox.shift()) {
        step(client, next.message, next.slot)
      }
    } finally {
      client.stepping = false
    }
  }

  const step = (client: ClientConnection, message: Connection.Message, slot: ReplyTarget) => {
    const before = stateOf(client)
    const [after, intents] = Connection.step(before, message, limits)
    client.state.ref.current = after
    if (before.status !== after.status) scheduleTimer(client)
    for (const intent of intents) perform(client, intent, slot)
    if (after.user === null) releaseUser(client)
  }

  /** Has the wheel look when the state wants it, unless it will look before. */
  const scheduleTimer = (client: ClientConnection) => {
    const dueAt = Connection.nextTimerAt(stateOf(client), limits)
    if (dueAt === undefined || dueAt >= client.timerAt) return
    client.timerAt = dueAt
    wheel.schedule(client, dueAt)
  }

  /** The wheel looks. */
  const onTimer = (client: ClientConnection, at: Instant) => {
    client.timerAt = Number.POSITIVE_INFINITY
    dispatch(client, { _tag: "TimerFired", at })
    scheduleTimer(client)
  }

  /** Runs what message `ref` waits for; its slot stays open until that is over, and a defect is answered too. */
  const startRequest = (
    client: ClientConnection,
    slot: ReplyTarget,
    ref: string,
    effect: Effect.Effect<void, never, Topics>
  ) => {
    if (slot !== undefined) slot.pendingCount += 1
    runFork(effect.pipe(
      Effect.tapDefect((defect) => Effect.logError("a request met a defect", defect)),
      Effect.catchDefect(() => rejectRequest(client, slot, ref, null, ServerMessages.internalError)),
      Effect.ensuring(Effect.sync(() => completeReply(client, slot)))
    ))
  }

  const completeRequest = (
    client: ClientConnection,
    topic: TopicId | null,
    rejection: Pick<ServerMessages.RequestRejection, "code" | "message"> | undefined
  ) =>
    dispatch(client, {
      _tag: "RequestCompleted",
      topic,
      code: rejection?.code ?? null,
      message: rejection?.message ?? ""
    })

  const rejectRequest = (
    client: ClientConnection,
    slot: ReplyTarget,
    ref: string,
    topic: TopicId | null,
    rejection: ServerMessages.RequestRejection
  ) =>
    Effect.sync(() => {
      sendMessage(client, slot, ServerMessages.error(ref, rejection), topic ?? undefined)
      completeRequest(client, topic, rejection)
    })

  return {
    limits,
    metrics,
    now,
    monotonicSeconds,
    wheel,
    runFork,
    makeFrame,
    sendMessage,
    completeReply,
    dispatch,
    scheduleTimer,
    onTimer,
    startRequest,
    completeRequest,
    rejectRequest
  }
}

/** What the machine is told when the server wants a connection gone. */
export const closeRequested = (code: number, reason: string, resume: boolean): Connection.Message => ({
  _tag: "CloseRequested",
  code,
  reason,
  resume,
  retry_after_ms: 0
})

/** CON8: more waits for this client than may. It finds the rest when it comes back. */
export const slowConsumerClose = closeRequested(closeCode.slowConsumer, "too slow: come back and catch up", true)

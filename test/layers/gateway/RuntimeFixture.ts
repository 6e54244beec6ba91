/** One connection over fakes of topics and signals and a send queue, which a test controls. */
import { Clock, Effect, Ref, Result } from "effect"
import { CommandId, ConnectionId, TopicId, type UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { encodeServerMessage } from "../../../src/domain/protocol/Protocol.ts"
import * as CatchUpQueue from "../../../src/layers/gateway/CatchUpQueue.ts"
import { ClientConnection, type ConnectionEvents } from "../../../src/layers/gateway/ClientConnection.ts"
import { handlers } from "../../../src/layers/gateway/ConnectionIntents.ts"
import { ConnectionRegistry } from "../../../src/layers/gateway/ConnectionRegistry.ts"
import type { ConnectionRuntime } from "../../../src/layers/gateway/ConnectionRuntime.ts"
import { ReadBudget } from "../../../src/layers/gateway/ReadBudget.ts"
import * as UserBudgets from "../../../src/layers/gateway/UserBudgets.ts"
import { Metrics } from "../../../src/layers/observability/Metrics.ts"
import * as TimerWheel from "../../../src/layers/runtime/TimerWheel.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"
import type { Signals } from "../../../src/services/Signals.ts"
import type { CoalescedTopics, Connection } from "../../../src/services/Socket.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import { makeTestUser, uuid } from "../../support/TestUsers.ts"

export const topic = TopicId.make("thread:slow")
export const epoch = "e"

type SubscribeCall = Parameters<Topics["Service"]["subscribe"]>

const noSignals: Signals["Service"] = {
  join: () => ({ presence: [], signals: [] }),
  leave: () => undefined,
  setSignal: () => undefined,
  publishChunk: () => undefined,
  completeStream: () => undefined,
  runningStreams: () => [],
  isPresent: () => Effect.succeed(false)
}

/** A delta that the send queue coalesced. */
export const makeDelta = (from: number): OutboundFrame => ({
  text: encodeServerMessage({ _tag: "delta", from, to: from + 1, events: [] }, {
    id: uuid(),
    timestamp: 0,
    thread_id: topic
  }),
  lane: { _tag: "Durable", topic, seq: from + 1, from }
})

export const coalesced: CoalescedTopics = new Map([[topic, makeDelta(1)]])

/** A connection whose send queue is full until `drain`, subscribed to one topic. */
export const makeFixture = Effect.gen(function*() {
  const subscribeCalls: Array<SubscribeCall> = []
  const unsubscribed: Array<TopicId> = []
  const runningText: Array<ReturnType<typeof noSignals.runningStreams>[number]> = []
  const delivered: Array<string> = []
  const startedEffects = { count: 0 }
  let bufferedBytes: number = defaults.outboxFold + 1
  const connection: Connection = {
    id: ConnectionId.make("slow"),
    metadata: { address: "", origin: "", userAgent: "" },
    connectedAt: 0,
    lastActivity: () => 0,
    deliver: (frame) => void delivered.push((JSON.parse(frame.text) as { readonly type: string }).type),
    uncoalesce: () => undefined,
    send: () => Effect.void,
    close: () => Effect.void,
    ping: Effect.succeed(0),
    bufferedAmount: () => bufferedBytes,
    pause: Effect.void,
    resume: Effect.void
  }
  const metrics = yield* Metrics
  const wheel = yield* TimerWheel.make(1_000)
  const topics: Pick<Topics["Service"], "subscribe" | "unsubscribe" | "stateOf"> = {
    stateOf: () => Effect.never,
    subscribe: (...args) => void subscribeCalls.push(args),
    unsubscribe: (topic) => void unsubscribed.push(topic)
  }
  const runtime = {
    limits: defaults,
    clock: yield* Clock.Clock,
    metrics,
    wheel,
    handlers,
    registry: new ConnectionRegistry(UserBudgets.make(defaults, new Map()), wheel),
    readBudget: yield* ReadBudget,
    topics,
    signals: { ...noSignals, runningStreams: () => runningText },
    nextId: uuid,
    runFork: () => void startedEffects.count++
  } as unknown as ConnectionRuntime
  const events: ConnectionEvents = {
    onTimer: () => undefined,
    onFrameHeld: () => undefined,
    onRepliesSent: (client) => CatchUpQueue.startNextCatchUp(runtime, client),
    onAccessRevoked: () => undefined
  }
  const client = new ClientConnection(connection, 1, metrics, events)
  const user: UserId = makeTestUser().key
  yield* Ref.update(client.state, (state) => ({
    ...state,
    user,
    status: { _tag: "Authenticated" as const, session: "s", expires_at: defaults.sessionTtl }
  }))
  client.subscriber = {
    id: connection.id,
    user,
    attestation: null,
    payer: user,
    deliver: (frame) => client.deliver(frame)
  }
  /** Records a subscription as the reply to `subscribe` does. */
  const subscribe = (ref: string) => client.subscriptions.set(topic, { ref, epoch, sent: 1, acked: 1 })
  subscribe("first")
  const drain = () => {
    bufferedBytes = 0
    CatchUpQueue.handleDrained(runtime, client, new Map())
  }
  const answer = () => {
    const [, , , reply] = subscribeCalls.shift()!
    reply(Result.succeed({ mode: "deltas", position: { epoch, seq: 2 }, head: "", events: [] }))
  }
  const addRunningText = (text: string) =>
    runningText.push({ prompt_id: CommandId.make(uuid()), loop: 0, step: "action", attempt: 0, offset: 0, text })
  return {
    client,
    runtime,
    startedEffects,
    addRunningText,
    subscribeCalls,
    unsubscribed,
    delivered,
    subscribe,
    drain,
    answer
  }
})

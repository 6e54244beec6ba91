/** Catch-ups of slow connections, with everything around them moved by hand (CON8). */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result, type Scope } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { CommandId, ConnectionId, TopicId, type UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { encodeServerMessage } from "../../../src/domain/protocol/Protocol.ts"
import * as ClientConnection from "../../../src/layers/gateway/ClientConnection.ts"
import * as ConnectionRuntime from "../../../src/layers/gateway/ConnectionRuntime.ts"
import * as TopicRequests from "../../../src/layers/gateway/TopicRequests.ts"
import { Metrics } from "../../../src/layers/observability/Metrics.ts"
import * as TimerWheel from "../../../src/layers/runtime/TimerWheel.ts"
import * as Sessions from "../../../src/layers/sessions/SessionsMemory.ts"
import { rejectUnavailable } from "../../../src/layers/topics/HostMessages.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"
import { Sessions as SessionsService } from "../../../src/services/Sessions.ts"
import type { Signals } from "../../../src/services/Signals.ts"
import type { CoalescedTopics, Connection } from "../../../src/services/Socket.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import { makeTestUser, uuid } from "../../support/TestUsers.ts"

const topic = TopicId.make("thread:slow")
const epoch = "e"

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

/** A delta that was held back. */
const delta = (from: number): OutboundFrame => ({
  text: encodeServerMessage({ _tag: "delta", from, to: from + 1, events: [] }, {
    id: uuid(),
    timestamp: 0,
    thread_id: topic
  }),
  lane: { _tag: "Durable", topic, seq: from + 1 }
})

const coalesced: CoalescedTopics = new Map([[topic, delta(1)]])

/** A connection that is slow until `drain` says otherwise, subscribed to one topic. */
const setup = Effect.gen(function*() {
  const subscribeCalls: Array<SubscribeCall> = []
  const unsubscribed: Array<TopicId> = []
  const runningText: Array<ReturnType<typeof noSignals.runningStreams>[number]> = []
  const delivered: Array<string> = []
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
  const runtime = ConnectionRuntime.make({
    limits: defaults,
    clock: yield* Clock.Clock,
    metrics,
    nextId: uuid,
    wheel: yield* TimerWheel.make(1_000),
    runFork: () => undefined,
    perform: () => undefined,
    releaseUser: () => undefined
  })
  const topics: Pick<Topics["Service"], "subscribe" | "unsubscribe"> = {
    subscribe: (...args) => void subscribeCalls.push(args),
    unsubscribe: (topic) => void unsubscribed.push(topic)
  }
  const topicRequests = TopicRequests.make({
    runtime,
    signals: { ...noSignals, runningStreams: () => runningText },
    sessions: yield* SessionsService,
    topics: topics as Topics["Service"]
  })
  const client = new ClientConnection.ClientConnection(connection, 1, metrics, () => undefined)
  const user: UserId = makeTestUser().key
  client.subscriber = { id: connection.id, user, deliver: (frame) => client.deliver(frame) }
  /** As an answer to `subscribe` leaves it. */
  const subscribe = (ref: string) => client.subscriptions.set(topic, { ref, epoch, sent: 1, acked: 1 })
  subscribe("first")
  const drain = () => {
    bufferedBytes = 0
    topicRequests.handleDrained(client, new Map())
  }
  const answer = () => {
    const [, , , reply] = subscribeCalls.shift()!
    reply(Result.succeed({ mode: "deltas", position: { epoch, seq: 2 }, events: [] }))
  }
  const addRunningText = (text: string) =>
    runningText.push({ prompt_id: CommandId.make(uuid()), loop: 0, step: "action", attempt: 0, offset: 0, text })
  return { client, addRunningText, topicRequests, subscribeCalls, unsubscribed, delivered, subscribe, drain, answer }
})

const withSessions = <A, E>(body: Effect.Effect<A, E, SessionsService | Scope.Scope>) =>
  Effect.scoped(body.pipe(Effect.provide(Sessions.layer(defaults))))

describe("a catch-up of a slow connection", () => {
  it.effect("[CON8] [SYN2] comes once there is room, as one delta from where the events stopped", () =>
    withSessions(Effect.gen(function*() {
      const { answer, subscribeCalls, delivered, client, drain, topicRequests } = yield* setup
      topicRequests.handleDrained(client, coalesced)
      assert.lengthOf(subscribeCalls, 0)
      drain()
      assert.deepStrictEqual(subscribeCalls.map(([, , from]) => from), [{ epoch, seq: 1 }])
      answer()
      assert.deepStrictEqual(delivered, ["delta"])
    })))

  it.effect("[CON8] [SYN2] that cannot be made ends the connection, which is taken up again where its events stopped", () =>
    withSessions(Effect.gen(function*() {
      const { subscribeCalls, client, drain, topicRequests } = yield* setup
      topicRequests.handleDrained(client, coalesced)
      drain()
      const [, , , reply] = subscribeCalls.shift()!
      reply(Result.fail(rejectUnavailable("too much is waiting for this topic; try again")))
      assert.deepStrictEqual(ClientConnection.stateOf(client).status, { _tag: "Closed", code: closeCode.slowConsumer })
    })))

  it.effect("[CON8] [SYN2] is not made for a subscription that was renewed while it waited; others get theirs", () =>
    withSessions(Effect.gen(function*() {
      const { subscribeCalls, client, drain, subscribe, topicRequests } = yield* setup
      const other = TopicId.make("thread:other")
      client.subscriptions.set(other, { ref: "other", epoch, sent: 1, acked: 1 })
      topicRequests.handleDrained(client, new Map([...coalesced, [other, delta(1)]]))
      subscribe("second")
      drain()
      assert.deepStrictEqual(subscribeCalls.map(([called]) => called), [other])
    })))

  it.effect("[SYN12] [CON8] says nothing more of a topic that was given up while it was made", () =>
    withSessions(Effect.gen(function*() {
      const { answer, delivered, client, drain, topicRequests } = yield* setup
      topicRequests.handleDrained(client, coalesced)
      drain()
      topicRequests.unsubscribe(client, topic)
      answer()
      assert.deepStrictEqual(delivered, [])
    })))

  it.effect("[SEC7] [CON8] nor its running text, once the connection was put out", () =>
    withSessions(Effect.gen(function*() {
      const { delivered, client, addRunningText, topicRequests } = yield* setup
      addRunningText("so far")
      const text: CoalescedTopics = new Map([[topic, { text: "{}", lane: { _tag: "Stream", topic } }]])
      topicRequests.handleDrained(client, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
      topicRequests.handleAccessRevoked(client, topic)
      topicRequests.handleDrained(client, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
    })))

  it.effect("[SYN2] [CON8] nor of one that was subscribed to anew meanwhile", () =>
    withSessions(Effect.gen(function*() {
      const { answer, delivered, client, drain, subscribe, topicRequests } = yield* setup
      topicRequests.handleDrained(client, coalesced)
      drain()
      subscribe("second")
      answer()
      assert.deepStrictEqual(delivered, [])
    })))
})

describe("a subscription", () => {
  const intent = (n: number) => ({
    _tag: "Subscribe" as const,
    ref: CommandId.make(`s${n}`),
    topic,
    position: null
  })

  it.effect("[SYN2] [SYN12] that was given up while it was made ends with its answer, even if it was asked for again", () =>
    withSessions(Effect.gen(function*() {
      const { answer, delivered, unsubscribed, client, drain, topicRequests } = yield* setup
      drain()
      topicRequests.subscribe(client, intent(1), undefined)
      topicRequests.unsubscribe(client, topic)
      topicRequests.subscribe(client, intent(2), undefined)
      assert.deepStrictEqual(unsubscribed, [topic])
      answer()
      assert.deepStrictEqual(unsubscribed, [topic, topic], "nothing comes between the two answers")
      assert.isFalse(client.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(unsubscribed, [topic, topic])
      assert.isTrue(client.subscriptions.has(topic))
      assert.deepStrictEqual(delivered.filter((type) => type === "subscribed"), ["subscribed", "subscribed"])
    })))

  it.effect("[SYN2] asked for twice goes on between the answers", () =>
    withSessions(Effect.gen(function*() {
      const { answer, unsubscribed, client, drain, topicRequests } = yield* setup
      drain()
      for (const n of [1, 2]) topicRequests.subscribe(client, intent(n), undefined)
      answer()
      assert.isTrue(client.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(unsubscribed, [])
    })))
})

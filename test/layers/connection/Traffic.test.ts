/** Catch-ups of slow connections, with everything around them moved by hand (CON8). */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result, type Scope } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { CommandId, ConnectionId, TopicId, type UserId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import { encode } from "../../../src/domain/Protocol.ts"
import * as Floor from "../../../src/layers/connection/Floor.ts"
import * as Link from "../../../src/layers/connection/Link.ts"
import * as Traffic from "../../../src/layers/connection/Traffic.ts"
import { Metrics } from "../../../src/layers/observability/Metrics.ts"
import * as Sessions from "../../../src/layers/sessions/Memory.ts"
import * as Wheel from "../../../src/layers/socket/Wheel.ts"
import { unavailable } from "../../../src/layers/topics/Messages.ts"
import type { Frame } from "../../../src/services/Frame.ts"
import { Sessions as SessionsService } from "../../../src/services/Sessions.ts"
import type { Signals } from "../../../src/services/Signals.ts"
import type { Connection, Folded } from "../../../src/services/Socket.ts"
import type { Topics } from "../../../src/services/Topics.ts"
import { person, uuid } from "../../support/People.ts"

const topic = TopicId.make("thread:slow")
const epoch = "e"

type Subscribe = Parameters<Topics["Service"]["subscribe"]>

const quiet: Signals["Service"] = {
  enter: () => ({ presence: [], signals: [] }),
  leave: () => undefined,
  signal: () => undefined,
  stream: () => undefined,
  streamDone: () => undefined,
  running: () => [],
  present: () => Effect.succeed(false)
}

/** A delta that was held back. */
const delta = (from: number): Frame => ({
  text: encode({ _tag: "delta", from, to: from + 1, events: [] }, { id: uuid(), timestamp: 0, thread_id: topic }),
  lane: { _tag: "Durable", topic, seq: from + 1 }
})

const held: Folded = new Map([[topic, delta(1)]])

/** A connection that is slow until `room` says otherwise, subscribed to one topic. */
const setup = Effect.gen(function*() {
  const asked: Array<Subscribe> = []
  const left: Array<TopicId> = []
  const said: Array<ReturnType<typeof quiet.running>[number]> = []
  const delivered: Array<string> = []
  let waiting: number = defaults.outboxFold + 1
  const connection: Connection = {
    id: ConnectionId.make("slow"),
    metadata: { address: "", origin: "", userAgent: "" },
    connectedAt: 0,
    lastActivity: () => 0,
    deliver: (frame) => void delivered.push((JSON.parse(frame.text) as { readonly type: string }).type),
    unfold: () => undefined,
    send: () => Effect.void,
    close: () => Effect.void,
    ping: Effect.succeed(0),
    bufferedAmount: () => waiting,
    pause: Effect.void,
    resume: Effect.void
  }
  const metrics = yield* Metrics
  const floor = Floor.make({
    limits: defaults,
    clock: yield* Clock.Clock,
    metrics,
    nextId: uuid,
    wheel: yield* Wheel.make(1_000),
    run: () => undefined,
    perform: () => undefined,
    release: () => undefined
  })
  const topics: Pick<Topics["Service"], "subscribe" | "unsubscribe"> = {
    subscribe: (...args) => void asked.push(args),
    unsubscribe: (topic) => void left.push(topic)
  }
  const traffic = Traffic.make({
    floor,
    signals: { ...quiet, running: () => said },
    sessions: yield* SessionsService,
    topics: topics as Topics["Service"]
  })
  const link = new Link.Link(connection, 1, metrics, () => undefined)
  const user: UserId = person().key
  link.subscriber = { id: connection.id, user, deliver: (frame) => link.deliver(frame) }
  /** As an answer to `subscribe` leaves it. */
  const subscribe = (ref: string) => link.subscriptions.set(topic, { ref, epoch, sent: 1, acked: 1 })
  subscribe("first")
  const room = () => {
    waiting = 0
    traffic.drained(link, new Map())
  }
  const answer = () => {
    const [, , , reply] = asked.shift()!
    reply(Result.succeed({ mode: "deltas", position: { epoch, seq: 2 }, events: [] }))
  }
  const speak = (text: string) =>
    said.push({ prompt_id: CommandId.make(uuid()), loop: 0, step: "action", attempt: 0, offset: 0, text })
  return { link, speak, traffic, asked, left, delivered, subscribe, room, answer }
})

const scene = <A, E>(body: Effect.Effect<A, E, SessionsService | Scope.Scope>) =>
  Effect.scoped(body.pipe(Effect.provide(Sessions.layer(defaults))))

describe("a catch-up of a slow connection", () => {
  it.effect("[CON8] [SYN2] comes once there is room, as one delta from where the events stopped", () =>
    scene(Effect.gen(function*() {
      const { answer, asked, delivered, link, room, traffic } = yield* setup
      traffic.drained(link, held)
      assert.lengthOf(asked, 0)
      room()
      assert.deepStrictEqual(asked.map(([, , from]) => from), [{ epoch, seq: 1 }])
      answer()
      assert.deepStrictEqual(delivered, ["delta"])
    })))

  it.effect("[CON8] [SYN2] that cannot be made ends the connection, which is taken up again where its events stopped", () =>
    scene(Effect.gen(function*() {
      const { asked, link, room, traffic } = yield* setup
      traffic.drained(link, held)
      room()
      const [, , , reply] = asked.shift()!
      reply(Result.fail(unavailable("too much is waiting for this topic; try again")))
      assert.deepStrictEqual(Link.state(link).status, { _tag: "Closed", code: closeCode.slowConsumer })
    })))

  it.effect("[CON8] [SYN2] is not made for a subscription that was renewed while it waited; others get theirs", () =>
    scene(Effect.gen(function*() {
      const { asked, link, room, subscribe, traffic } = yield* setup
      const other = TopicId.make("thread:other")
      link.subscriptions.set(other, { ref: "other", epoch, sent: 1, acked: 1 })
      traffic.drained(link, new Map([...held, [other, delta(1)]]))
      subscribe("second")
      room()
      assert.deepStrictEqual(asked.map(([asked]) => asked), [other])
    })))

  it.effect("[SYN12] [CON8] says nothing more of a topic that was given up while it was made", () =>
    scene(Effect.gen(function*() {
      const { answer, delivered, link, room, traffic } = yield* setup
      traffic.drained(link, held)
      room()
      traffic.unsubscribe(link, topic)
      answer()
      assert.deepStrictEqual(delivered, [])
    })))

  it.effect("[SEC7] [CON8] nor its running text, once the connection was put out", () =>
    scene(Effect.gen(function*() {
      const { delivered, link, speak, traffic } = yield* setup
      speak("so far")
      const text: Folded = new Map([[topic, { text: "{}", lane: { _tag: "Stream", topic } }]])
      traffic.drained(link, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
      traffic.putOut(link, topic)
      traffic.drained(link, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
    })))

  it.effect("[SYN2] [CON8] nor of one that was subscribed to anew meanwhile", () =>
    scene(Effect.gen(function*() {
      const { answer, delivered, link, room, subscribe, traffic } = yield* setup
      traffic.drained(link, held)
      room()
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
    scene(Effect.gen(function*() {
      const { answer, delivered, left, link, room, traffic } = yield* setup
      room()
      traffic.subscribe(link, intent(1), undefined)
      traffic.unsubscribe(link, topic)
      traffic.subscribe(link, intent(2), undefined)
      assert.deepStrictEqual(left, [topic])
      answer()
      assert.deepStrictEqual(left, [topic, topic], "nothing comes between the two answers")
      assert.isFalse(link.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(left, [topic, topic])
      assert.isTrue(link.subscriptions.has(topic))
      assert.deepStrictEqual(delivered.filter((type) => type === "subscribed"), ["subscribed", "subscribed"])
    })))

  it.effect("[SYN2] asked for twice goes on between the answers", () =>
    scene(Effect.gen(function*() {
      const { answer, left, link, room, traffic } = yield* setup
      room()
      for (const n of [1, 2]) traffic.subscribe(link, intent(n), undefined)
      answer()
      assert.isTrue(link.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(left, [])
    })))
})

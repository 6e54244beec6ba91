import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Ref, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { AddressInfo } from "node:net"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import type { PlainState } from "../../../src/domain/thread/ThreadModel.ts"
import * as OutboundBudget from "../../../src/layers/delivery/OutboundBudget.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as ReadBudget from "../../../src/layers/gateway/ReadBudget.ts"
import * as HttpApp from "../../../src/layers/http/HttpApp.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as SseRoute from "../../../src/layers/http/SseRoute.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import * as SessionsMemory from "../../../src/layers/sessions/SessionsMemory.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Sessions } from "../../../src/services/Sessions.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { snapshotState } from "../../support/Published.ts"
import { makeTestUser, type TestUser, uuid } from "../../support/TestUsers.ts"

const thread = TopicId.make("thread:a")

const services = TopicsLocal.layer().pipe(
  Layer.provideMerge(IntentHandlersLive.layer),
  Layer.provideMerge(EventLogMemory.layer),
  Layer.provideMerge(Layer.succeed(Kinds, builtInKinds)),
  Layer.provideMerge(SessionsMemory.layer(defaults)),
  Layer.provideMerge(Readiness.layer),
  Layer.provideMerge(HttpListener.layer)
)

/** Serves `thread`, which Ada created; `limits` are those of the streams. */
const serveThread = Effect.fnUntraced(function*(
  limits: SseRoute.SseOptions["limits"] = defaults,
  budgets: Layer.Layer<never> = Layer.empty
) {
  const context = yield* Layer.build(services)
  yield* Layer.build(HttpApp.layer({
    webRoot: "none",
    limits: defaults,
    trustedProxies: [],
    metrics: { access: "off", token: null },
    extraRoutes: SseRoute.layer({ limits, trustedProxies: ["127.0.0.1"] }).pipe(
      Layer.provide(Layer.succeedContext(context)),
      Layer.provide(budgets)
    )
  })).pipe(Effect.provide(context))
  return yield* Effect.gen(function*() {
    const ready = yield* Readiness.Readiness
    yield* Ref.set(ready, true)
    const listener = yield* HttpListener.HttpListener
    yield* Effect.callback<void>((resume) => void listener.listen(0, "127.0.0.1", () => resume(Effect.void)))
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/topics`
    const topics = yield* Topics
    const sessions = yield* Sessions
    const ada = makeTestUser()
    const send = (input: object) =>
      topics.submit(thread, { id: CommandId.make(uuid()), author: ada.key, input }).pipe(Effect.orDie)
    yield* send({ _tag: "create_thread", name: "Streamed", visibility: "members" })
    const token = (who: TestUser) =>
      Effect.map(Effect.orDie(sessions.open(who.key)), (session) => Redacted.value(session.token))
    return { url, send, ready, token, sessions, topics, mine: yield* token(ada) }
  }).pipe(Effect.provide(context))
})

interface SseEvent {
  readonly event: string
  readonly id: string
  readonly data: { readonly thread_id: string; readonly payload: Readonly<Record<string, unknown>> }
}

const parse = (block: string): SseEvent => {
  const fields = Object.fromEntries(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
  )
  return { event: fields["event"]!, id: fields["id"]!, data: JSON.parse(fields["data"]!) as SseEvent["data"] }
}

/** Requests a stream; its events are read one by one, or up to its end. */
const openStream = (url: string, headers: Record<string, string>) =>
  Effect.gen(function*() {
    const signal = yield* Effect.abortSignal
    const response = yield* Effect.promise(() => fetch(url, { headers, signal }))
    const blocks = Stream.fromReadableStream({
      evaluate: () => response.body!,
      onError: () => "cut" as const
    }).pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.split((line) => line === ""),
      Stream.map((lines) => lines.join("\n"))
    )
    const pull = yield* Stream.toPull(blocks)
    const pending: Array<string> = []
    const next = Effect.gen(function*() {
      while (true) {
        const block = pending.shift()
        if (block !== undefined) return block
        pending.push(...(yield* pull))
      }
    })
    return { status: response.status, response, next, event: Effect.map(next, parse) }
  })

const bearer = (token: string, more: Record<string, string> = {}) => ({ authorization: `Bearer ${token}`, ...more })

const test = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => it.effect(title, body)

describe("server-sent events", () => {
  test("[SYN13] the reply to a subscription comes first, then every delta, with their positions as ids", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      assert.strictEqual(stream.response.headers.get("content-type"), "text/event-stream")
      const first = yield* stream.event
      assert.strictEqual(first.event, "subscribed")
      assert.strictEqual(first.data.thread_id, thread)
      assert.deepInclude(first.data.payload, { mode: "snapshot" })
      const { epoch, seq } = first.data.payload["position"] as { readonly epoch: string; readonly seq: number }
      assert.strictEqual(first.id, `${epoch}.${seq}`)
      yield* send({ _tag: "submit_message", content: "one\ntwo" })
      const second = yield* stream.event
      assert.deepInclude(second, { event: "delta", id: `${epoch}.2` })
      assert.deepInclude(second.data.payload, { from: 1, to: 2 })
    }))

  test("[SYN13] frames outside the log do not end the stream", () =>
    Effect.gen(function*() {
      const { mine, send, topics, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      // As presence does.
      topics.broadcast(thread, { text: "{}", lane: { _tag: "Reply" } })
      yield* send({ _tag: "submit_message", content: "still here" })
      assert.deepInclude(yield* stream.event, { event: "delta" })
    }))

  test("[SYN13] [SEC7] a stream ends when its reader loses access", () =>
    Effect.gen(function*() {
      const { send, token, topics, url } = yield* serveThread()
      const ben = makeTestUser()
      yield* send({ _tag: "invite_co_author", user: ben.key })
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(yield* token(ben)))
      yield* stream.event
      yield* topics.submit(thread, { id: CommandId.make(uuid()), author: ben.key, input: { _tag: "divest" } })
      yield* send({ _tag: "submit_message", content: "among ourselves" })
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
    }))

  test("[SYN13] [SYN2] Last-Event-ID resumes from its position; a position of another log gets a snapshot", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serveThread()
      const { id } = yield* (yield* openStream(`${url}/${thread}/events`, bearer(mine))).event
      yield* send({ _tag: "submit_message", content: "meanwhile" })
      const again = yield* (yield* openStream(`${url}/${thread}/events`, bearer(mine, { "last-event-id": id }))).event
      assert.deepInclude(again.data.payload, { mode: "deltas" })
      assert.lengthOf(again.data.payload["events"] as ReadonlyArray<unknown>, 1)
      for (const odd of ["other.1", "nonsense", `${id}99`]) {
        const whole = yield* (yield* openStream(`${url}/${thread}/events`, bearer(mine, { "last-event-id": odd })))
          .event
        assert.deepInclude(whole.data.payload, { mode: "snapshot" }, odd)
      }
    }))
})

describe("access to and end of event streams", () => {
  test("[SYN13] [SEC5] [SEC6] [AUT4] [THR10] a session is required, and a topic that its user may not read is not found", () =>
    Effect.gen(function*() {
      const { mine, token, url } = yield* serveThread()
      const eve = yield* token(makeTestUser())
      const status = (topic: string, headers: Record<string, string>, query = "") =>
        Effect.map(openStream(`${url}/${topic}/events${query}`, headers), (stream) => stream.status)
      assert.strictEqual(yield* status(thread, {}), 401)
      assert.strictEqual(yield* status(thread, bearer("made-up")), 401)
      assert.strictEqual(yield* status(thread, {}, `?session_token=${mine}`), 401)
      assert.strictEqual(yield* status(thread, { cookie: `session_token=${mine}` }), 401)
      assert.strictEqual(yield* status(thread, bearer(eve)), 404)
      assert.strictEqual(yield* status("thread:none", bearer(eve)), 404)
      assert.strictEqual(yield* status("nonsense", bearer(mine)), 404)
    }))

  test("[SYN13] a stream sends keep-alive comments", () =>
    Effect.gen(function*() {
      const { mine, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* stream.next, ":")
    }))

  test("[SYN13] [SEC7] a stream ends at once when its session is revoked", () =>
    Effect.gen(function*() {
      const { mine, send, sessions, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      const { id } = yield* sessions.authenticate(Redacted.make(mine), null)
      yield* sessions.revoke(id)
      // No time passes.
      yield* send({ _tag: "submit_message", content: "too late" })
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
    }))

  test("[SYN13] [SEC7] [AUT2] a stream ends within a second of its session's expiry, and goes on while it is renewed", () =>
    Effect.gen(function*() {
      const { mine, sessions, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      const ended = yield* Effect.forkScoped(Effect.exit(Effect.forever(stream.next)))
      yield* TestClock.adjust(defaults.sessionTtl - 1)
      const { id } = yield* sessions.authenticate(Redacted.make(mine), null)
      yield* sessions.renew(id, Redacted.make(mine), null)
      yield* TestClock.adjust(defaults.sessionTtl + defaults.sessionGrace)
      assert.isUndefined(ended.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(ended))._tag, "Failure")
    }))

  test("[SYN13] [AUT2] [SEC7] a replaced token opens a stream within its grace period, for its own client instance only", () =>
    Effect.gen(function*() {
      const { mine, sessions, url } = yield* serveThread()
      const instance = uuid()
      const { id } = yield* sessions.authenticate(Redacted.make(mine), null)
      const { token } = yield* sessions.renew(id, Redacted.make(mine), instance)
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine, { "choir-client-id": instance }))
      yield* stream.event
      assert.strictEqual((yield* openStream(`${url}/${thread}/events`, bearer(mine))).status, 401)
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
      assert.strictEqual((yield* openStream(`${url}/${thread}/events`, bearer(Redacted.value(token)))).status, 401)
    }))

  test("[SYN13] [SYN11] streams end when the server drains", () =>
    Effect.gen(function*() {
      const { mine, ready, url } = yield* serveThread()
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      yield* Ref.set(ready, false)
      yield* TestClock.adjust("1 seconds")
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
      assert.strictEqual((yield* openStream(`${url}/${thread}/events`, bearer(mine))).status, 503)
    }))

  test("[SYN13] [SEC24] streams per user are limited", () =>
    Effect.gen(function*() {
      const { mine, url } = yield* serveThread({ ...defaults, connectionsPerUser: 1 })
      yield* (yield* openStream(`${url}/${thread}/events`, bearer(mine))).event
      assert.strictEqual((yield* openStream(`${url}/${thread}/events`, bearer(mine))).status, 429)
    }))

  test("[SYN13] [SEC24] streams per address are limited, whoever opens them", () =>
    Effect.gen(function*() {
      const { mine, token, url } = yield* serveThread({ ...defaults, connectionsPerAddress: 1 })
      const ben = yield* token(makeTestUser())
      const open = (who: string, address: string) =>
        openStream(`${url}/${thread}/events`, bearer(who, { "x-forwarded-for": address }))
      yield* (yield* open(mine, "192.0.2.1")).event
      assert.strictEqual((yield* open(ben, "192.0.2.1")).status, 429)
      assert.strictEqual((yield* open(mine, "192.0.2.2")).status, 200)
    }))

  test("[SYN13] [CON7] who has read too much is told when to come back", () =>
    Effect.gen(function*() {
      const { mine, url } = yield* serveThread(
        defaults,
        ReadBudget.layer({ readBytesBurst: 100, readBytesPerMinute: 100 })
      )
      yield* (yield* openStream(`${url}/${thread}/events`, bearer(mine))).event
      const { response, status } = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      assert.strictEqual(status, 429)
      const seconds = Number(response.headers.get("retry-after"))
      assert.isAbove(seconds, 0)
      yield* TestClock.adjust(seconds * 1_000)
      assert.strictEqual((yield* openStream(`${url}/${thread}/events`, bearer(mine))).status, 200)
    }))

  test("[SYN13] [CON8] [SEC27] a large state arrives whole; beyond the budget of all peers the slowest stream is cut", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serveThread(defaults, OutboundBudget.layer({ outboxTotal: 16_000_000 }))
      // More than the kernel's buffers hold.
      for (let n = 0; n < 320; n++) yield* send({ _tag: "submit_message", content: `${n} ${"€".repeat(10_000)}` })
      const slow = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* send({ _tag: "submit_message", content: "the state is another one now" })
      const other = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      const state = snapshotState<PlainState>((yield* other.event).data)
      assert.deepStrictEqual(
        state.messages.map(({ content }) => content.slice(-10)),
        [...Array<string>(320).fill("€".repeat(10)), "is another one now".slice(-10)]
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.forever(slow.event))))
    }))

  test("[SYN13] [CON8] a stream whose reader stops reading ends without a gap", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serveThread({ ...defaults, outboxMax: 20_000 })
      const stream = yield* openStream(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      // More than the kernel's buffers hold.
      for (let n = 0; n < 400; n++) yield* send({ _tag: "submit_message", content: "x".repeat(30_000) })
      let last = 0
      yield* Effect.exit(Effect.forever(Effect.map(stream.event, ({ id }) => {
        const seq = Number(id.split(".")[1])
        assert.strictEqual(seq, last === 0 ? seq : last + 1)
        last = seq
      })))
      assert.isBelow(last, 401)
    }))
})

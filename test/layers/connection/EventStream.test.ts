import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Ref, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { AddressInfo } from "node:net"
import { CommandId, TopicId } from "../../../src/domain/Ids.ts"
import { shipped } from "../../../src/domain/kinds/Kinds.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import * as EventStream from "../../../src/layers/connection/EventStream.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/Memory.ts"
import * as Http from "../../../src/layers/http/Http.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Performers from "../../../src/layers/Performers.ts"
import * as SessionsMemory from "../../../src/layers/sessions/Memory.ts"
import * as TopicsLocal from "../../../src/layers/topics/Local.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Sessions } from "../../../src/services/Sessions.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { type Person, person, uuid } from "../../support/People.ts"

const thread = TopicId.make("thread:a")

const services = TopicsLocal.layer().pipe(
  Layer.provideMerge(Performers.layer),
  Layer.provideMerge(EventLogMemory.layer),
  Layer.provideMerge(Layer.succeed(Kinds, shipped)),
  Layer.provideMerge(SessionsMemory.layer(defaults)),
  Layer.provideMerge(Readiness.layer),
  Layer.provideMerge(Server.layer)
)

/** Serves streams of `thread`, which Ada has made; `limits` are those of the streams. */
const serving = Effect.fnUntraced(function*(limits: Parameters<typeof EventStream.layer>[0] = defaults) {
  const context = yield* Layer.build(services)
  yield* Layer.build(Http.layer({
    webRoot: "none",
    limits: defaults,
    trustedProxies: [],
    metrics: { access: "off", token: null },
    more: Layer.provide(EventStream.layer(limits), Layer.succeedContext(context))
  })).pipe(Effect.provide(context))
  return yield* Effect.gen(function*() {
    const ready = yield* Readiness.Readiness
    yield* Ref.set(ready, true)
    const listener = yield* Server.HttpListener
    yield* Effect.callback<void>((resume) => void listener.listen(0, "127.0.0.1", () => resume(Effect.void)))
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/topics`
    const topics = yield* Topics
    const sessions = yield* Sessions
    const ada = person()
    const send = (input: object) =>
      topics.submit(thread, { id: CommandId.make(uuid()), author: ada.key, input }).pipe(Effect.orDie)
    yield* send({ _tag: "create_thread", name: "Streamed", visibility: "members" })
    const token = (who: Person) =>
      Effect.map(Effect.orDie(sessions.open(who.key)), (session) => Redacted.value(session.token))
    return { url, send, ready, token, sessions, topics, mine: yield* token(ada) }
  }).pipe(Effect.provide(context))
})

interface Heard {
  readonly event: string
  readonly id: string
  readonly data: { readonly thread_id: string; readonly payload: Readonly<Record<string, unknown>> }
}

const parse = (block: string): Heard => {
  const fields = Object.fromEntries(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
  )
  return { event: fields["event"]!, id: fields["id"]!, data: JSON.parse(fields["data"]!) as Heard["data"] }
}

/** Asks for a stream; its events are read one by one, or all up to its end. */
const listen = (url: string, headers: Record<string, string>) =>
  Effect.gen(function*() {
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort())
    )
    const response = yield* Effect.promise(() => fetch(url, { headers, signal: abort.signal }))
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
    const waiting: Array<string> = []
    const next = Effect.gen(function*() {
      while (true) {
        const block = waiting.shift()
        if (block !== undefined) return block
        waiting.push(...(yield* pull))
      }
    })
    return { status: response.status, response, next, event: Effect.map(next, parse) }
  })

const bearer = (token: string, more: Record<string, string> = {}) => ({ authorization: `Bearer ${token}`, ...more })

const test = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => it.effect(title, body)

describe("server-sent events", () => {
  test("[SYN13] the answer to a subscription, then every delta, each under its position", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serving()
      const stream = yield* listen(`${url}/${thread}/events`, bearer(mine))
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

  test("[SYN13] what is not logged ends no stream", () =>
    Effect.gen(function*() {
      const { mine, send, topics, url } = yield* serving()
      const stream = yield* listen(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      // As signals tell who came and went.
      topics.broadcast(thread, { text: "{}", lane: { _tag: "Reply" } })
      yield* send({ _tag: "submit_message", content: "still here" })
      assert.deepInclude(yield* stream.event, { event: "delta" })
    }))

  test("[SYN13] [SEC7] a stream ends when its reader loses access", () =>
    Effect.gen(function*() {
      const { send, token, topics, url } = yield* serving()
      const ben = person()
      yield* send({ _tag: "invite_co_author", user: ben.key })
      const stream = yield* listen(`${url}/${thread}/events`, bearer(yield* token(ben)))
      yield* stream.event
      yield* topics.submit(thread, { id: CommandId.make(uuid()), author: ben.key, input: { _tag: "divest" } })
      yield* send({ _tag: "submit_message", content: "among ourselves" })
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
    }))

  test("[SYN13] [SYN2] a reader comes back to where it stood; a position of another log gets a snapshot", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serving()
      const { id } = yield* (yield* listen(`${url}/${thread}/events`, bearer(mine))).event
      yield* send({ _tag: "submit_message", content: "meanwhile" })
      const again = yield* (yield* listen(`${url}/${thread}/events`, bearer(mine, { "last-event-id": id }))).event
      assert.deepInclude(again.data.payload, { mode: "deltas" })
      assert.lengthOf(again.data.payload["events"] as ReadonlyArray<unknown>, 1)
      for (const odd of ["other.1", "nonsense", `${id}99`]) {
        const whole = yield* (yield* listen(`${url}/${thread}/events`, bearer(mine, { "last-event-id": odd }))).event
        assert.deepInclude(whole.data.payload, { mode: "snapshot" }, odd)
      }
    }))

  test("[SYN13] [AUT4] [THR10] nobody hears without a session, and nobody what they may not see", () =>
    Effect.gen(function*() {
      const { mine, token, url } = yield* serving()
      const eve = yield* token(person())
      const status = (topic: string, headers: Record<string, string>, query = "") =>
        Effect.map(listen(`${url}/${topic}/events${query}`, headers), (stream) => stream.status)
      assert.strictEqual(yield* status(thread, {}), 401)
      assert.strictEqual(yield* status(thread, bearer("made-up")), 401)
      assert.strictEqual(yield* status(thread, {}, `?session_token=${mine}`), 401)
      assert.strictEqual(yield* status(thread, bearer(eve)), 404)
      assert.strictEqual(yield* status("thread:none", bearer(eve)), 404)
      assert.strictEqual(yield* status("nonsense", bearer(mine)), 404)
    }))

  test("[SYN13] [AUT2] a stream ends with its session, and shows a sign of life before", () =>
    Effect.gen(function*() {
      const { mine, sessions, url } = yield* serving()
      const stream = yield* listen(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* stream.next, ":")
      const { id } = yield* sessions.resume(Redacted.make(mine))
      yield* sessions.revoke(id)
      yield* TestClock.adjust("15 seconds")
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
    }))

  test("[SYN13] [SYN11] streams end when the server drains", () =>
    Effect.gen(function*() {
      const { mine, ready, url } = yield* serving()
      const stream = yield* listen(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      yield* Ref.set(ready, false)
      yield* TestClock.adjust("1 seconds")
      assert.isTrue((yield* Effect.exit(stream.next))._tag === "Failure")
      assert.strictEqual((yield* listen(`${url}/${thread}/events`, bearer(mine))).status, 503)
    }))

  test("[SYN13] [SEC24] one user has only so many streams", () =>
    Effect.gen(function*() {
      const { mine, url } = yield* serving({ ...defaults, connectionsPerUser: 1 })
      yield* (yield* listen(`${url}/${thread}/events`, bearer(mine))).event
      assert.strictEqual((yield* listen(`${url}/${thread}/events`, bearer(mine))).status, 429)
    }))

  test("[SYN13] [CON8] a reader that does not read is let go, to come back from where it stood", () =>
    Effect.gen(function*() {
      const { mine, send, url } = yield* serving({ ...defaults, outboxMax: 20_000 })
      const stream = yield* listen(`${url}/${thread}/events`, bearer(mine))
      yield* stream.event
      // More than the system's own buffers take.
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

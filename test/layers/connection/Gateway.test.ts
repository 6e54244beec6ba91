import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/CloseCode.ts"
import { CommandId, TopicId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import { challengeText, type EventView } from "../../../src/domain/Protocol.ts"
import * as SignedCommand from "../../../src/domain/SignedCommand.ts"
import * as Gateway from "../../../src/layers/connection/Gateway.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { listening, open, type Person, person, prove, server, signIn, uuid } from "../../support/People.ts"

describe("signing in", () => {
  it.effect("[AUT1] [AUT2] [LED3] a signed challenge gives init with the first tokens", () =>
    Effect.gen(function*() {
      const ada = person()
      const client = yield* open(yield* listening)
      const { answer, challenge } = yield* prove(client, ada)
      assert.strictEqual(answer.type, "init")
      assert.deepStrictEqual<unknown>(answer.payload["user"], { public_key: ada.key, balance: 10_000 })
      assert.strictEqual(challenge.audience, "http://choir.test")
      assert.strictEqual(Buffer.from(challenge.nonce, "base64url").length, 32)
    }).pipe(Effect.provide(server())))

  it.effect("[SEC2] a challenge is good once, and on its own connection only", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const first = yield* open(url)
      const { challenge, signature } = yield* prove(first, ada, {
        twist: (challenge) => ({ ...challenge, nonce: "other" })
      })
      first.send("auth", { signature })
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
      const second = yield* open(url)
      const replayed = yield* prove(second, ada, { twist: () => challenge })
      assert.strictEqual(replayed.answer.payload["code"], "auth_failed")
    }).pipe(Effect.provide(server())))

  it.effect.each([
    { audience: "http://elsewhere" },
    { origin: "http://elsewhere" },
    { connection_id: "other" },
    { nonce: "other" },
    { issued_at: 1 },
    { expires_at: 1 }
  ])("[SEC3] a signature over another %o does not hold", (change) =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      const { answer } = yield* prove(client, person(), { twist: (challenge) => ({ ...challenge, ...change }) })
      assert.strictEqual(answer.payload["code"], "auth_failed")
    }).pipe(Effect.provide(server())))

  it.effect("[AUT2] a token resumes the session; after sign-out it does not, and connections it opened are cut", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const first = yield* open(url)
      const session_token = (yield* signIn(first, ada)).payload["session_token"]
      const second = yield* open(url)
      second.send("resume", { session_token })
      assert.deepInclude((yield* second.next).payload["user"] as object, { public_key: ada.key })
      first.send("sign_out")
      assert.strictEqual((yield* first.next).type, "signed_out")
      assert.strictEqual(yield* second.closed, closeCode.forcedOut)
      first.send("resume", { session_token })
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
    }).pipe(Effect.provide(server())))

  it.effect("[AUT2] a renewed token outlives the first one", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const client = yield* open(url)
      const old = (yield* signIn(client, person())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl / 2)
      client.send("renew")
      const renewed = (yield* client.nextOf("renewed")).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl / 2 + defaults.sessionGrace)
      client.send("heartbeat")
      assert.strictEqual((yield* client.next).type, "heartbeat")
      const other = yield* open(url)
      other.send("resume", { session_token: old })
      assert.strictEqual((yield* other.next).payload["code"], "auth_failed")
      other.send("resume", { session_token: renewed })
      assert.strictEqual((yield* other.next).type, "init")
    }).pipe(Effect.provide(server({ limits: { pingInterval: 10_000_000 } }))))

  it.effect("[CON5] a connection that was lost late in its session is resumed, and goes on under a new token", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const first = yield* open(url)
      const session_token = (yield* signIn(first, person())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl - 1_000)
      first.ws.terminate()
      yield* Effect.repeat((yield* Socket).getConnectionCount, { until: (count) => count === 0 })
      yield* TestClock.adjust(defaults.resumeWindow - 1_000)
      const second = yield* open(url)
      second.send("resume", { session_token })
      const init = yield* second.next
      assert.strictEqual(init.type, "init")
      assert.notStrictEqual(init.payload["session_token"], session_token)
      yield* TestClock.adjust(defaults.sessionTtl / 2)
      second.send("heartbeat")
      assert.strictEqual((yield* second.next).type, "heartbeat")
    }).pipe(Effect.provide(server({ limits: { pingInterval: 10_000_000 } }))))

  it.effect("[AUT3] who does not sign in within ten seconds is closed", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      client.send("heartbeat")
      yield* client.next
      yield* TestClock.adjust(defaults.authTimeout)
      assert.strictEqual((yield* client.next).type, "goodbye")
      assert.strictEqual(yield* client.closed, closeCode.authTimeout)
    }).pipe(Effect.provide(server())))

  it.effect("[AUT4] [SEC1] nothing is served before", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      for (const type of ["subscribe", "unsubscribe", "signal", "get_thread", "get_threads", "get_user", "renew"]) {
        client.send(type, type === "signal" ? { key: "k", value: 1 } : {}, "ledger:main")
        assert.strictEqual((yield* client.next).payload["code"], "unauthenticated", type)
      }
      client.send("create_thread", { name: "mine" })
      assert.strictEqual((yield* client.next).payload["code"], "unauthenticated")
    }).pipe(Effect.provide(server())))

  it.effect("[SEC26] one address may have only so many proofs checked", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const twist = <A extends object>(challenge: A) => ({ ...challenge, nonce: "other" })
      assert.strictEqual((yield* prove(yield* open(url), person(), { twist })).answer.payload["code"], "auth_failed")
      assert.strictEqual((yield* prove(yield* open(url), person())).answer.payload["code"], "rate_limited")
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* prove(yield* open(url), person())).answer.type, "init")
    }).pipe(Effect.provide(server({ limits: { authBurst: 1, authPerMinute: 60 } }))))

  it.effect("[AUT7] the same client instance takes over from its older connection", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const instance = uuid()
      const first = yield* open(url)
      yield* signIn(first, ada, instance)
      const stranger = yield* open(url)
      yield* signIn(stranger, person(), instance)
      const second = yield* open(url)
      yield* signIn(second, ada, instance)
      assert.strictEqual(yield* first.closed, closeCode.replaced)
      stranger.send("heartbeat")
      assert.strictEqual((yield* stranger.next).type, "heartbeat")
    }).pipe(Effect.provide(server())))

  it.effect("[AUT7] of two connections the one made later stays, whichever proves its key first", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const instance = uuid()
      const older = yield* open(url)
      older.send("connect", { public_key: ada.key, client_id: instance })
      const challenge = (yield* older.next).payload as unknown as Parameters<typeof challengeText>[0]
      const newer = yield* open(url)
      const session_token = (yield* signIn(newer, ada, instance)).payload["session_token"]
      older.send("auth", { signature: ada.sign(challengeText(challenge, ada.key)) })
      assert.strictEqual(yield* older.closed, closeCode.replaced)
      newer.send("heartbeat")
      assert.strictEqual((yield* newer.next).type, "heartbeat")
      // Resuming takes over just the same, and again.
      for (let before = newer, i = 0; i < 3; i++) {
        const next = yield* open(url)
        next.send("resume", { session_token, client_id: instance })
        assert.strictEqual((yield* next.next).type, "init")
        assert.strictEqual(yield* before.closed, closeCode.replaced)
        before = next
      }
    }).pipe(Effect.provide(server())))

  it.effect("[AUT7] a command that was on its way when its connection was replaced is not carried out", () => {
    const gate = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const instance = uuid()
      const older = yield* open(url)
      yield* signIn(older, ada, instance)
      const id = uuid()
      older.send("create_thread", { name: "Late" }, undefined, { id, signature: "A".repeat(86) })
      older.send("heartbeat")
      const newer = yield* open(url)
      yield* signIn(newer, ada, instance)
      assert.strictEqual(yield* older.closed, closeCode.replaced)
      yield* Deferred.succeed(gate, undefined)
      // The same command under the same id is as good as new.
      newer.send("create_thread", { name: "Late" }, undefined, { id })
      const receipt = (yield* newer.next).payload
      assert.deepInclude(receipt, { ref_id: id, seq: 1 })
      assert.notProperty(receipt, "dup")
    }).pipe(Effect.provide(server({ sessions: () => ({ holds: () => Effect.as(Deferred.await(gate), true) }) })))
  })

  it.effect.each(
    [
      ["just in time", defaults.resumeWindow - 1, "init"],
      ["too late", defaults.resumeWindow, "error"]
    ] as const
  )("[CON5] [AUT2] a session that would be over is kept for two minutes after the network was lost: %s", (
    [, after, type]
  ) =>
    Effect.gen(function*() {
      const url = yield* listening
      const first = yield* open(url)
      const session_token = (yield* signIn(first, person())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl + defaults.sessionGrace - 1)
      first.ws.terminate()
      yield* Effect.repeat((yield* Socket).getConnectionCount, { until: (count) => count === 0 })
      yield* TestClock.adjust(after)
      const second = yield* open(url)
      second.send("resume", { session_token })
      assert.strictEqual((yield* second.next).type, type)
    }).pipe(Effect.provide(server({ limits: { pingInterval: 10_000_000 } }))))

  it.effect("[CON5] a client comes back to its topics from where it stood, before the server knows it was gone", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const instance = uuid()
      const [first, other] = [yield* open(url), yield* open(url)]
      const session_token = (yield* signIn(first, ada, instance)).payload["session_token"]
      yield* signIn(other, ada)
      const thread = `thread:${first.send("create_thread", { name: "Kept" })}`
      yield* first.nextOf("receipt")
      first.send("subscribe", {}, thread)
      const { position } = (yield* first.nextOf("subscribed")).payload
      first.ws.pause()
      const said = other.send("submit_message", { content: "meanwhile" }, thread)
      yield* other.nextOf("receipt")
      const second = yield* open(url)
      second.send("resume", { session_token, client_id: instance })
      assert.strictEqual((yield* second.next).type, "init")
      second.send("subscribe", { position }, thread)
      const { events, mode } = (yield* second.nextOf("subscribed")).payload
      assert.strictEqual(mode, "deltas")
      assert.deepStrictEqual((events as ReadonlyArray<EventView>).map(({ cause, seq }) => [cause as string, seq]), [
        [said, 2]
      ])
    }).pipe(Effect.provide(server())))

  it.effect("[SEC24] a user has only so many connections", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      yield* signIn(yield* open(url), ada)
      const second = yield* open(url)
      const { answer } = yield* prove(second, ada)
      assert.deepInclude(answer.payload, { code: closeCode.connectionLimit, resume: false })
      assert.strictEqual(yield* second.closed, closeCode.connectionLimit)
    }).pipe(Effect.provide(server({ limits: { connectionsPerUser: 1 } }))))
})

describe("talking", () => {
  it.effect("[CON8] [SYN2] a client that reads slowly misses nothing", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const [writer, reader] = [yield* open(url), yield* open(url)]
      yield* signIn(writer, ada)
      yield* signIn(reader, ada)
      const thread = `thread:${writer.send("create_thread", { name: "Long" })}`
      yield* writer.nextOf("receipt")
      reader.send("subscribe", {}, thread)
      yield* reader.nextOf("subscribed")
      reader.ws.pause()
      const content = "x".repeat(30_000)
      for (let i = 0; i < 500; i++) {
        writer.send("submit_message", { content }, thread)
        yield* writer.nextOf("receipt")
      }
      reader.ws.resume()
      let position = 1
      let deltas = 0
      while (position < 501) {
        const { from, to } = (yield* reader.nextOf("delta")).payload
        assert.strictEqual(from, position)
        position = to as number
        deltas += 1
      }
      assert.isBelow(deltas, 500)
    }).pipe(Effect.provide(
      server({ limits: { messagesPerMinute: 6_000_000, messageBurst: 1_000, catchUp: 1_000 } })
    )))

  it.effect("[SYN2] [SYN5] [AUT4] a thread is made, subscribed to and written to; a stranger sees nothing of it", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = yield* open(url)
      yield* signIn(ada, person())
      const made = ada.send("create_thread", { name: "Plans", visibility: "members" })
      const thread = `thread:${made}`
      assert.deepInclude((yield* ada.nextOf("receipt")).payload, { ref_id: made, topic: thread, seq: 1 })
      ada.send("subscribe", {}, thread)
      const subscribed = yield* ada.nextOf("subscribed")
      assert.deepInclude(subscribed.payload, { mode: "snapshot" })
      assert.deepInclude(subscribed.payload["position"] as object, { seq: 1 })
      const sent = ada.send("submit_message", { content: "hello" }, thread)
      const [one, other] = [yield* ada.next, yield* ada.next]
      assert.sameMembers([one.type, other.type], ["receipt", "delta"])
      assert.deepInclude([one, other].find(({ type }) => type === "receipt")!.payload, { ref_id: sent, seq: 2 })

      const eve = yield* open(url)
      yield* signIn(eve, person())
      eve.send("subscribe", {}, thread)
      const hidden = yield* eve.next
      eve.send("subscribe", {}, "thread:nowhere")
      const absent = yield* eve.next
      assert.strictEqual(hidden.payload["code"], "not_found")
      assert.strictEqual(hidden.payload["message"], absent.payload["message"])
      ada.send("get_threads")
      assert.lengthOf((yield* ada.nextOf("threads")).payload["threads"] as ReadonlyArray<unknown>, 1)
      ada.send("get_thread", {}, thread)
      assert.deepInclude(
        ((yield* ada.nextOf("thread_messages")).payload["messages"] as ReadonlyArray<object>)[0]!,
        { content: "hello" }
      )
    }).pipe(Effect.provide(server())))

  const signature = (who: Person, id: string, topic: string, command: Schema.Json, timestamp = 0) =>
    who.sign(SignedCommand.text(CommandId.make(id), { topic: TopicId.make(topic), command, timestamp }))

  it.effect("[AUT5] a signed command is checked before it is decided, and its signature kept in the log", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      const ada = person()
      yield* signIn(client, ada)
      const id = uuid()
      const thread = `thread:${id}`
      const payload = { name: "Signed", require_signatures: true }
      const create = { _tag: "create_thread", ...payload }
      client.send("create_thread", payload, undefined, { id, signature: signature(ada, id, thread, create) })
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })

      // Signed by somebody else, for another text, for another thread; not at all.
      const say = { _tag: "submit_message", content: "hi" }
      for (
        const [signed, code] of [
          [signature(person(), uuid(), thread, say), "auth_failed"],
          ["AAAA", "auth_failed"],
          [undefined, "forbidden"]
        ] as const
      ) {
        client.send("submit_message", { content: "hi" }, thread, signed === undefined ? {} : { signature: signed })
        assert.deepInclude((yield* client.next).payload, { code, rule: "AUT5" })
      }
      const second = uuid()
      const elsewhere = signature(ada, second, "thread:other", say)
      client.send("submit_message", { content: "hi" }, thread, { id: second, signature: elsewhere })
      assert.deepInclude((yield* client.next).payload, { code: "auth_failed" })

      const [entry, ...more] = yield* (yield* EventLog).read(TopicId.make(thread), { after: 0, limit: 10 })
      assert.isEmpty(more)
      assert.deepStrictEqual<unknown>(entry?.signed, {
        topic: thread,
        command: create,
        timestamp: 0,
        signature: signature(ada, id, thread, create)
      })
    }).pipe(Effect.provide(server())))

  it.effect("[AUT5] [CON2] what is heard after a signed command is done after it, however quick", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      const ada = person()
      yield* signIn(client, ada)
      const id = uuid()
      const thread = `thread:${id}`
      const signed = { id, signature: signature(ada, id, thread, { _tag: "create_thread", name: "First" }) }
      client.send("create_thread", { name: "First" }, undefined, signed)
      const said = client.send("submit_message", { content: "second" }, thread)
      client.send("subscribe", {}, thread)
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })
      assert.deepInclude((yield* client.next).payload, { ref_id: said, seq: 2 })
      assert.deepInclude((yield* client.next).payload["position"] as object, { seq: 2 })
    }).pipe(Effect.provide(server())))

  it.effect("[AUT5] a signature on anything but a command is refused", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      client.send("heartbeat", {}, undefined, { signature: "AAAA" })
      assert.deepInclude((yield* client.next).payload, { code: "malformed" })
    }).pipe(Effect.provide(server())))

  it.effect("[CON2] answers leave in the order of their questions, whatever each of them waits for", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      yield* signIn(client, person())
      const made = uuid()
      client.ws.send(JSON.stringify({ id: made, type: "create_thread", payload: { name: "Order" }, timestamp: 0 }))
      const asked = [
        made,
        client.send("heartbeat"),
        client.send("get_user"),
        client.send("subscribe", {}, `thread:${made}`),
        client.send("submit_message", { content: "one" }, `thread:${made}`),
        client.send("get_threads"),
        client.send("heartbeat")
      ]
      const answers: Array<unknown> = []
      const seen: Array<string> = []
      while (answers.length < asked.length) {
        const { payload, type } = yield* client.next
        seen.push(type)
        if (payload["ref_id"] !== undefined) answers.push(payload["ref_id"])
      }
      assert.deepStrictEqual(answers, asked)
      assert.isTrue(!seen.includes("delta") || seen.indexOf("delta") > seen.indexOf("subscribed"))
    }).pipe(Effect.provide(server())))

  it.effect("[AUT4] [SEC8] a field nobody asked for is refused, be it an author or a user", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      yield* signIn(client, person())
      const other = person().key
      client.send("create_thread", { name: "x", author: other })
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
      client.ws.send(JSON.stringify({ id: uuid(), type: "get_user", payload: {}, timestamp: 0, user: other }))
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
      client.send("get_user", { public_key: other })
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
    }).pipe(Effect.provide(server())))

  it.effect("[CON4] sixteen messages of garbage are answered, the last one with a goodbye; nobody else notices", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const [bad, good] = [yield* open(url), yield* open(url)]
      yield* signIn(bad, person())
      yield* signIn(good, person())
      for (let i = 0; i < 16; i++) {
        bad.ws.send("garbage")
        assert.strictEqual((yield* bad.next).payload["code"], "malformed")
      }
      assert.deepInclude((yield* bad.next).payload, { code: closeCode.tooManyErrors, resume: false })
      assert.strictEqual(yield* bad.closed, closeCode.tooManyErrors)
      good.send("heartbeat")
      assert.strictEqual((yield* good.next).type, "heartbeat")
    }).pipe(Effect.provide(server())))

  it.effect("[CON7] over the budget a command is refused with the time to wait, per user and not per connection", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const ada = person()
      const [one, two] = [yield* open(url), yield* open(url)]
      yield* signIn(one, ada)
      yield* signIn(two, ada)
      one.send("create_thread", { name: "a" })
      assert.strictEqual((yield* one.next).type, "receipt")
      two.send("create_thread", { name: "b" })
      assert.strictEqual((yield* two.next).type, "receipt")
      two.send("create_thread", { name: "c" })
      assert.deepInclude((yield* two.next).payload, { code: "rate_limited", retryable: true, retry_after_ms: 600 })
      yield* TestClock.adjust(600)
      one.send("create_thread", { name: "d" })
      assert.strictEqual((yield* one.next).type, "receipt")
    }).pipe(Effect.provide(server({ limits: { messageBurst: 2 } }))))

  it.effect("[ROO2] [ROO3] [SYN12] presence and signals come and go with their connection", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const [ada, bob] = [person(), person()]
      const [first, second] = [yield* open(url), yield* open(url)]
      yield* signIn(first, ada)
      yield* signIn(second, bob)
      const thread = `thread:${first.send("create_thread", { name: "Public", visibility: "public" })}`
      yield* first.nextOf("receipt")
      first.send("subscribe", {}, thread)
      const [alone] = (yield* first.nextOf("subscribed")).payload["presence"] as unknown as ReadonlyArray<object>
      assert.deepInclude(alone!, { user: ada.key })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      yield* first.nextOf("presence_diff")
      first.send("signal", { key: "cursor", value: 3 }, thread)
      yield* first.nextOf("signal")
      second.send("subscribe", {}, thread)
      const joined = yield* second.nextOf("subscribed")
      assert.lengthOf(joined.payload["presence"] as ReadonlyArray<unknown>, 2)
      assert.deepInclude((joined.payload["signals"] as ReadonlyArray<object>)[0]!, {
        from: ada.key,
        key: "cursor",
        value: 3
      })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.deepInclude(
        ((yield* first.nextOf("presence_diff")).payload["joins"] as ReadonlyArray<object>)[0]!,
        { user: bob.key }
      )
      first.ws.close()
      assert.deepInclude((yield* second.nextOf("signal")).payload, { key: "cursor", value: null })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.deepInclude(
        ((yield* second.nextOf("presence_diff")).payload["leaves"] as ReadonlyArray<object>)[0]!,
        { user: ada.key }
      )
    }).pipe(Effect.provide(server())))

  it.effect("[SYN6] [SYN7] what clients found right and wrong is counted, where they listen", () =>
    Effect.gen(function*() {
      const client = yield* open(yield* listening)
      yield* signIn(client, person())
      const thread = `thread:${client.send("create_thread", { name: "Counted" })}`
      yield* client.nextOf("receipt")
      client.send("ack", { seq: 1, matches: 7 }, thread)
      client.send("subscribe", {}, thread)
      assert.match(String((yield* client.nextOf("subscribed")).payload["hash"]), /^[0-9a-f]{16}$/)
      client.send("ack", { seq: 1, matches: 3 }, thread)
      client.send("ack", { seq: 1 }, thread)
      client.send("desync", { seq: 1, expected: "0123456789abcdef", found: "fedcba9876543210" }, thread)
      client.send("heartbeat")
      yield* client.nextOf("heartbeat")
      assert.deepStrictEqual((yield* Gateway.Gateway).sync, { matches: 3, mismatches: 1 })
    }).pipe(Effect.provide(server())))

  it.effect("[SYN11] [CON6] everybody hears goodbye before the drain closes them with 1012", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const client = yield* open(url)
      yield* signIn(client, person())
      yield* Effect.forkChild((yield* Gateway.Gateway).drain, { startImmediately: true })
      assert.deepInclude((yield* client.next).payload, { code: closeCode.restart, resume: true })
      assert.strictEqual(yield* client.closed, closeCode.restart)
      assert.strictEqual(yield* (yield* Socket).getConnectionCount, 0)
    }).pipe(Effect.provide(server())))
})

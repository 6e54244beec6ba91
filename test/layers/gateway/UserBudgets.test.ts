import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import type { ClientMessage } from "../../../src/domain/connection/FrameDecoder.ts"
import { CommandId, ConnectionId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import type { AnyKind } from "../../../src/domain/topic/Topic.ts"
import * as UserBudgets from "../../../src/layers/gateway/UserBudgets.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import {
  answerChallenge,
  makeTestUser,
  openClient,
  signIn,
  startListening,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** Sixty commands a second. */
const arena: AnyKind = { ...CounterKind.kind, name: "arena", budget: { perMinute: 3_600, burst: 4 } }
/** One command a minute, with a burst of an hour. */
const rare: AnyKind = { ...CounterKind.kind, name: "rare", budget: { perMinute: 1, burst: 60 } }
const kinds = new Map([...builtInKinds, [arena.name, arena] as const, [rare.name, rare] as const])

const command = (topic: string, _tag = "any"): ClientMessage => ({
  _tag: "Command",
  id: CommandId.make(uuid()),
  topic: TopicId.make(topic),
  command: { _tag },
  timestamp: 0
})
const state = Connection.initial(ConnectionId.make("c"), 0)

describe("the budgets of a user", () => {
  it("[CON7] a kind may declare its own budget per user; all other kinds share one", () => {
    const users = UserBudgets.make<string>({ ...defaults, messageBurst: 2 }, kinds)
    const [ada, ben] = [makeTestUser().key, makeTestUser().key]
    const accounts = { ada: users.addConnection(ada, "a"), ben: users.addConnection(ben, "b") }
    const waits = (user: keyof typeof accounts, topics: ReadonlyArray<string>, at = 0) =>
      topics.map((topic) => users.consume(accounts[user], state, command(topic), at).wait)
    assert.deepStrictEqual(waits("ada", ["room:a", "thread:b", "room:a", "thread:b"]), [0, 0, 600, 600])
    assert.deepStrictEqual(waits("ada", ["arena:a", "arena:b", "arena:a", "arena:c", "arena:a"]), [0, 0, 0, 0, 17])
    assert.deepStrictEqual(waits("ben", ["arena:a", "room:a"]), [0, 0])
    assert.deepStrictEqual(waits("ada", ["arena:a", "room:a"], 17), [0, 583])
  })

  it("[SEC25] a prompt counts as twenty messages, and is taken where one message would be", () => {
    const waitsFor = (messageBurst: number) => {
      const users = UserBudgets.make<string>({ ...defaults, messageBurst }, kinds)
      const account = users.addConnection(makeTestUser().key, "a")
      const send = (tag: string) => users.consume(account, state, command("thread:a", tag), 0).wait
      return [send("submit_message"), send("submit_prompt"), send("submit_prompt"), send("submit_message")]
    }
    assert.deepStrictEqual(waitsFor(21), [0, 0, 600, 600])
    assert.deepStrictEqual(waitsFor(20), [0, 0, 1_200, 1_200])
    assert.deepStrictEqual(waitsFor(1), [0, 600, 600, 600])
  })

  it("[CON7] a command behind a rejected one takes no token", () => {
    const users = UserBudgets.make<string>({ ...defaults, messageBurst: 1 }, kinds)
    const ada = makeTestUser().key
    const account = users.addConnection(ada, "a")
    const first = command("room:a")
    const blockedState = { ...state, blocked: [{ budget: "command", id: first.id, until: 0 }] }
    for (let i = 0; i < 5; i++) assert.strictEqual(users.consume(account, blockedState, command("room:a"), 0).wait, 0)
    assert.strictEqual(users.consume(account, blockedState, first, 0).wait, 0)
    assert.strictEqual(users.consume(account, blockedState, first, 0).wait, 600)
  })

  it("[SEC25] a user is forgotten when all budgets are full again, so that reconnecting refills none", () => {
    const users = UserBudgets.make<string>(defaults, kinds)
    const ada = makeTestUser().key
    const account = users.addConnection(ada, "a")
    for (let i = 0; i < 60; i++) users.consume(account, state, command("rare:a"), 0)
    users.removeConnection(ada, "a")
    assert.strictEqual(users.evict(ada, 60_000), 3_600_000)
    assert.strictEqual(users.addConnection(ada, "b"), account)
    assert.strictEqual(users.consume(account, state, command("rare:a"), 60_000).wait, 0)
    assert.isUndefined(users.evict(ada, 3_600_000), "kept while a connection is open")
    users.removeConnection(ada, "b")
    assert.isUndefined(users.evict(ada, 3_660_000))
    const fresh = users.addConnection(ada, "c")
    for (let i = 0; i < 60; i++) assert.strictEqual(users.consume(fresh, state, command("rare:a"), 0).wait, 0)
  })

  it.effect("[CON7] a rejection states when to retry, and other budgets are not affected", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, makeTestUser())
      for (let i = 0; i < 5; i++) client.send("add", { n: 1 }, "arena:a")
      for (let i = 0; i < 4; i++) assert.strictEqual((yield* client.next).type, "receipt")
      assert.deepInclude((yield* client.next).payload, { code: "rate_limited", retryable: true, retry_after_ms: 17 })
      client.send("create_thread", { name: "a" })
      assert.strictEqual((yield* client.next).type, "receipt")
      yield* TestClock.adjust(17)
      client.send("add", { n: 1 }, "arena:a")
      assert.strictEqual((yield* client.next).type, "receipt")
    }).pipe(Effect.provide(wsServerLayer({ kinds: [arena] }))))

  it.effect("[CON7] with in_order, commands behind a rejected one are rejected until it is accepted", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* answerChallenge(client, makeTestUser(), { in_order: true })
      const ids = Array.from({ length: 3 }, () => uuid())
      const send = (n: number) => client.send("join_room", {}, "room:a", { id: ids[n]! })
      for (const n of [0, 1]) send(n)
      assert.strictEqual((yield* client.next).type, "receipt")
      assert.deepInclude((yield* client.next).payload, { ref_id: ids[1], code: "rate_limited", retry_after_ms: 600 })
      yield* TestClock.adjust(1_200)
      send(2)
      assert.deepInclude((yield* client.next).payload, { ref_id: ids[2], code: "rate_limited", retry_after_ms: 1 })
      send(1)
      assert.deepInclude((yield* client.next).payload, { ref_id: ids[1], topic: "room:a" })
      yield* TestClock.adjust(600)
      send(2)
      assert.deepInclude((yield* client.next).payload, { ref_id: ids[2], topic: "room:a" })
    }).pipe(Effect.provide(wsServerLayer({ limits: { messageBurst: 1 } }))))
})

describe("the budget of an address", () => {
  it.effect("[SEC26] a sign-in beyond the rate of its address states when to retry", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      assert.strictEqual((yield* answerChallenge(yield* openClient(url), makeTestUser())).answer.type, "init")
      const { answer } = yield* answerChallenge(yield* openClient(url), makeTestUser())
      assert.deepInclude(answer.payload, { code: "rate_limited", retryable: true, retry_after_ms: 1_000 })
      const client = yield* openClient(url)
      client.send("resume", { session_token: "dG9rZW4" })
      assert.deepInclude((yield* client.next).payload, { code: "rate_limited", retry_after_ms: 1_000 })
    }).pipe(Effect.provide(wsServerLayer({ limits: { authBurst: 1, authPerMinute: 60 } }))))
})

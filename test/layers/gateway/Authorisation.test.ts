/** Every request, by users without access, on existing and on missing topics (SEC9, SEC11). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { controlPayloads as all, foreignId, threadCommandPayloads } from "../../support/AllMessages.ts"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  receiveUntilReply,
  signIn,
  startListening,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"

const { create_thread: _, ...commands } = threadCommandPayloads
const { get_thread, subscribe, unsubscribe, ack, desync, signal } = all
const controls = { get_thread, subscribe, unsubscribe, ack, desync, signal }

const allRequests = Object.entries({ ...commands, ...controls })

/** The replies to a request, without ids that differ by themselves. */
const collectReplies = Effect.fnUntraced(function*(client: RawClient, type: string, payload: object, thread: string) {
  const ref = client.send(type, payload, thread)
  return (yield* receiveUntilReply(client)).map(({ payload: { ref_id, ...rest }, thread_id, type }): object => ({
    type,
    payload: rest,
    ours: ref_id === ref,
    topic: thread_id === thread
  }))
})

const limits = {
  messagesPerMinute: 10_000,
  messageBurst: 1_000,
  readsPerMinute: 10_000,
  readBurst: 1_000,
  signalsPerSecond: 10_000
}

describe("a topic without access", () => {
  it.effect("[SEC9] [SEC11] [AUT4] answers every request like a topic that does not exist", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const log = yield* EventLog
      const owner = yield* openClient(url)
      yield* signIn(owner, makeTestUser())
      const created = owner.send("create_thread", { name: "Ours", visibility: "members" })
      yield* owner.nextOf("receipt")
      const ours = TopicId.make(`thread:${created}`)
      owner.send("submit_message", { content: "a secret" }, ours)
      yield* owner.nextOf("receipt")
      owner.send("subscribe", {}, ours)
      yield* owner.nextOf("subscribed")
      const before = yield* log.read(ours, { after: 0, limit: 100 })

      const outsider = yield* openClient(url)
      yield* signIn(outsider, makeTestUser())
      for (const [type, payload] of allRequests) {
        const real = yield* collectReplies(outsider, type, payload, ours)
        const none = yield* collectReplies(outsider, type, payload, `thread:${uuid()}`)
        assert.deepStrictEqual(real, none, type)
        assert.notInclude(JSON.stringify(real), "secret", type)
      }
      for (const [type, payload] of Object.entries(controls)) {
        const ledger = yield* collectReplies(outsider, type, payload, "ledger:main")
        assert.deepStrictEqual(ledger, yield* collectReplies(outsider, type, payload, "ledger:other"), type)
      }

      // Nothing was written, and the owner received nothing.
      assert.deepStrictEqual(yield* log.read(ours, { after: 0, limit: 100 }), before)
      assert.deepStrictEqual(yield* collectReplies(owner, "ack", { seq: 1 }, ours), [])
    }).pipe(Effect.provide(wsServerLayer({ limits }))))

  it.effect("[SEC9] is not loaded, whether it exists or not", () => {
    const loaded: Array<string> = []
    return Effect.gen(function*() {
      const owner = makeTestUser()
      const passivated = TopicId.make(`thread:${uuid()}`)
      yield* ThreadLogFixture.appendEvents(passivated, [ThreadLogFixture.threadCreated(owner.key, "members")], [
        owner.key
      ])
      loaded.length = 0
      const url = yield* startListening
      const outsider = yield* openClient(url)
      yield* signIn(outsider, makeTestUser())
      for (const [type, payload] of allRequests) {
        const nowhere = TopicId.make(`thread:${uuid()}`)
        const none = yield* collectReplies(outsider, type, payload, nowhere)
        assert.deepStrictEqual(yield* collectReplies(outsider, type, payload, passivated), none, type)
        assert.notIncludeMembers(loaded, [passivated, nowhere], type)
      }
      // A member loads it: the list above is not always empty.
      const member = yield* openClient(url)
      yield* signIn(member, owner)
      member.send("subscribe", {}, passivated)
      yield* member.nextOf("subscribed")
      assert.include(loaded, passivated)
    }).pipe(Effect.provide(wsServerLayer({
      limits,
      log: (made) => ({ head: (topic) => Effect.tap(made.head(topic), () => Effect.sync(() => loaded.push(topic))) })
    })))
  })

  it.effect("[SYN4] answers a former member's repeated command with its first receipt, also when it was passivated", () =>
    Effect.gen(function*() {
      const [owner, formerMember] = [makeTestUser(), makeTestUser()]
      const passivated = TopicId.make(`thread:${uuid()}`)
      const log = yield* EventLog
      yield* ThreadLogFixture.appendEvents(passivated, [ThreadLogFixture.threadCreated(owner.key, "members")], [
        owner.key
      ])
      const id = CommandId.make(uuid())
      const author = formerMember.key
      const eventlessCommands = [{ id, author, seq: 1 }]
      yield* log.append({
        topic: passivated,
        expectedSeq: 1,
        drafts: [],
        eventlessCommands,
        wakeAt: undefined,
        hasPendingIntents: false,
        listing: undefined
      })
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, formerMember)
      client.send("divest", {}, passivated, { id })
      assert.deepInclude((yield* client.nextOf("receipt")).payload, { seq: 1 })
    }).pipe(Effect.provide(wsServerLayer({ limits }))))

  it.effect("[AUT4] answers every request before authentication with unauthenticated", () =>
    Effect.gen(function*() {
      const anonymous = yield* openClient(yield* startListening)
      for (const [type, payload] of allRequests) {
        const [answer] = yield* collectReplies(anonymous, type, payload, `thread:${foreignId}`)
        assert.deepInclude(answer, { type: "error" })
        assert.deepInclude((answer as ReceivedMessage).payload, { code: "unauthenticated" })
      }
    }).pipe(Effect.provide(wsServerLayer({ limits: { authFrames: 100 } }))))
})

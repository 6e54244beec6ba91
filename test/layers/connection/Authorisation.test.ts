/** Everything that can be asked, by everybody, of what is there and of what is not (SEC9, SEC11). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CommandId, TopicId } from "../../../src/domain/Ids.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { controls as all, some, threadCommands } from "../../support/Everything.ts"
import * as Logs from "../../support/Logs.ts"
import { type Client, listening, open, person, type Received, server, signIn, uuid } from "../../support/People.ts"

const { create_thread: _, ...commands } = threadCommands
const { get_thread, subscribe, unsubscribe, ack, desync, signal } = all
const controls = { get_thread, subscribe, unsubscribe, ack, desync, signal }

const everything = Object.entries({ ...commands, ...controls })
/** Asked for its answer, which comes behind whatever else was said. */
const fence = "heartbeat"

/** What comes back, without the names that differ of themselves. */
const answers = (client: Client, type: string, payload: object, thread: string) =>
  Effect.gen(function*() {
    const ref = client.send(type, payload, thread)
    const end = client.send(fence)
    const got: Array<object> = []
    for (;;) {
      const message: Received = yield* client.next
      if (message.type === fence && message.payload["ref_id"] === end) return got
      const { ref_id, ...rest } = message.payload
      got.push({ type: message.type, payload: rest, ours: ref_id === ref, topic: message.thread_id === thread })
    }
  })

const limits = {
  messagesPerMinute: 10_000,
  messageBurst: 1_000,
  readsPerMinute: 10_000,
  readBurst: 1_000,
  signalsPerSecond: 10_000
}

describe("what belongs to others", () => {
  it.effect("[SEC9] [SEC11] [AUT4] [THR10] answers a stranger like what does not exist, whatever is asked", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const log = yield* EventLog
      const owner = yield* open(url)
      yield* signIn(owner, person())
      const created = owner.send("create_thread", { name: "Ours", visibility: "members" })
      yield* owner.nextOf("receipt")
      const ours = TopicId.make(`thread:${created}`)
      owner.send("submit_message", { content: "a secret" }, ours)
      yield* owner.nextOf("receipt")
      owner.send("subscribe", {}, ours)
      yield* owner.nextOf("subscribed")
      const before = yield* log.read(ours, { after: 0, limit: 100 })

      const stranger = yield* open(url)
      yield* signIn(stranger, person())
      for (const [type, payload] of everything) {
        const real = yield* answers(stranger, type, payload, ours)
        const none = yield* answers(stranger, type, payload, `thread:${uuid()}`)
        assert.deepStrictEqual(real, none, type)
        assert.notInclude(JSON.stringify(real), "secret", type)
      }
      for (const [type, payload] of Object.entries(controls)) {
        const ledger = yield* answers(stranger, type, payload, "ledger:main")
        assert.deepStrictEqual(ledger, yield* answers(stranger, type, payload, "ledger:other"), type)
      }

      // Nothing was written, and the owner heard nothing of it.
      assert.deepStrictEqual(yield* log.read(ours, { after: 0, limit: 100 }), before)
      assert.deepStrictEqual(yield* answers(owner, "ack", { seq: 1 }, ours), [])
    }).pipe(Effect.provide(server({ limits }))))

  it.effect("[SEC9] [SEC11] what strangers look for is not loaded for them, whether it is there or not", () => {
    const loaded: Array<string> = []
    return Effect.gen(function*() {
      const owner = person()
      const resting = TopicId.make(`thread:${uuid()}`)
      yield* Logs.append(resting, [Logs.created(owner.key, "members")], [owner.key])
      loaded.length = 0
      const url = yield* listening
      const stranger = yield* open(url)
      yield* signIn(stranger, person())
      for (const [type, payload] of everything) {
        const nowhere = TopicId.make(`thread:${uuid()}`)
        const none = yield* answers(stranger, type, payload, nowhere)
        assert.deepStrictEqual(yield* answers(stranger, type, payload, resting), none, type)
        assert.notIncludeMembers(loaded, [resting, nowhere], type)
      }
      // Whoever may have it loaded has: the list above can fill.
      const member = yield* open(url)
      yield* signIn(member, owner)
      member.send("subscribe", {}, resting)
      yield* member.nextOf("subscribed")
      assert.include(loaded, resting)
    }).pipe(Effect.provide(server({
      limits,
      log: (made) => ({ head: (topic) => Effect.tap(made.head(topic), () => Effect.sync(() => loaded.push(topic))) })
    })))
  })

  it.effect("[SEC9] [SYN4] who has left is told again what became of a command, also of a thread that rests", () =>
    Effect.gen(function*() {
      const [owner, gone] = [person(), person()]
      const resting = TopicId.make(`thread:${uuid()}`)
      const log = yield* EventLog
      yield* Logs.append(resting, [Logs.created(owner.key, "members")], [owner.key])
      const id = CommandId.make(uuid())
      const author = gone.key
      const silent = [{ id, author, seq: 1 }]
      yield* log.append({
        topic: resting,
        expected: 1,
        drafts: [],
        silent,
        wakeAt: undefined,
        owed: false,
        listing: undefined
      })
      const client = yield* open(yield* listening)
      yield* signIn(client, gone)
      client.send("divest", {}, resting, { id })
      assert.deepInclude((yield* client.nextOf("receipt")).payload, { seq: 1 })
    }).pipe(Effect.provide(server({ limits }))))

  it.effect("[SEC9] [AUT4] and nothing at all to somebody who has not signed in", () =>
    Effect.gen(function*() {
      const anonymous = yield* open(yield* listening)
      for (const [type, payload] of everything) {
        const [answer] = yield* answers(anonymous, type, payload, `thread:${some}`)
        assert.deepInclude(answer, { type: "error" })
        assert.deepInclude((answer as Received).payload, { code: "unauthenticated" })
      }
    }).pipe(Effect.provide(server({ limits: { authFrames: 100 } }))))
})

/** Commands with a signature of their own (AUT5), as seen from the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as SignedCommand from "../../../src/domain/protocol/SignedCommand.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import {
  makeTestUser,
  openClient,
  signIn,
  startListening,
  type TestUser,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** A signed-in client, and the id of a thread that it may create. */
const signedInClient = Effect.gen(function*() {
  const client = yield* openClient(yield* startListening)
  const ada = makeTestUser()
  yield* signIn(client, ada)
  const id = uuid()
  return { client, ada, id, thread: `thread:${id}` }
})

describe("a signed command", () => {
  const signature = (user: TestUser, id: string, topic: string, command: Schema.Json, timestamp = 0) =>
    user.sign(SignedCommand.signingInput(CommandId.make(id), { topic: TopicId.make(topic), command, timestamp }))

  it.effect("[AUT5] a signature is verified before the decision, and stored with the event", () =>
    Effect.gen(function*() {
      const { ada, client, id, thread } = yield* signedInClient
      const payload = { name: "Signed", require_signatures: true }
      const create = { _tag: "create_thread", ...payload }
      client.send("create_thread", payload, undefined, { id, signature: signature(ada, id, thread, create) })
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })

      // Signed by another user, over another text, for another thread; not signed.
      const message = { _tag: "submit_message", content: "hi" }
      for (
        const [signed, code] of [
          [signature(makeTestUser(), uuid(), thread, message), "auth_failed"],
          ["AAAA", "auth_failed"],
          [undefined, "forbidden"]
        ] as const
      ) {
        client.send("submit_message", { content: "hi" }, thread, signed === undefined ? {} : { signature: signed })
        assert.deepInclude((yield* client.next).payload, { code, rule: "AUT5" })
      }
      const second = uuid()
      const elsewhere = signature(ada, second, "thread:other", message)
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
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON2] requests after a signed command are executed after it, although it is verified first", () =>
    Effect.gen(function*() {
      const { ada, client, id, thread } = yield* signedInClient
      const signed = { id, signature: signature(ada, id, thread, { _tag: "create_thread", name: "First" }) }
      client.send("create_thread", { name: "First" }, undefined, signed)
      const second = client.send("submit_message", { content: "second" }, thread)
      client.send("subscribe", {}, thread)
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })
      assert.deepInclude((yield* client.next).payload, { ref_id: second, seq: 2 })
      assert.deepInclude((yield* client.next).payload["position"] as object, { seq: 2 })
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT5] a signature on a control message is rejected", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      client.send("heartbeat", {}, undefined, { signature: "AAAA" })
      assert.deepInclude((yield* client.next).payload, { code: "malformed" })
    }).pipe(Effect.provide(wsServerLayer())))
})

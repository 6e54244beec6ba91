/** Commands with a signature of their own (AUT5), as seen from the wire. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { saltSource } from "../../../src/domain/protocol/Seal.ts"
import * as SignedCommand from "../../../src/domain/protocol/SignedCommand.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type { CommandInput } from "../../../src/domain/thread/ThreadModel.ts"
import { commitTexts } from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { testSalt } from "../../support/SealedFixture.ts"
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

/** The audience of `wsServerLayer`. */
const audience = "http://choir.test"

const decodeCommand = Schema.decodeSync(threadKind.Command)

/** A command with the seals of its texts, as it is signed. */
const seal = (id: string, command: CommandInput): Schema.Json =>
  JSON.parse(JSON.stringify(commitTexts(decodeCommand(command), () => saltSource(testSalt, id), sha256)))

describe("a signed command", () => {
  const signature = (user: TestUser, id: string, topic: string, command: CommandInput) =>
    user.sign(
      SignedCommand.signingInput(CommandId.make(id), {
        audience,
        topic: TopicId.make(topic),
        command: seal(id, command),
        timestamp: 0
      })
    )
  const create: CommandInput = { _tag: "create_thread", name: "Signed", require_signatures: true }
  const createPayload = { name: "Signed", require_signatures: true }
  const message: CommandInput = { _tag: "submit_message", content: "hi" }

  it.effect("[AUT5] a signature is verified before the decision, and stored with the event", () =>
    Effect.gen(function*() {
      const { ada, client, id, thread } = yield* signedInClient
      client.send("create_thread", createPayload, undefined, {
        id,
        salt: testSalt,
        signature: signature(ada, id, thread, create)
      })
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })

      // Signed by another user, over another text, for another thread; not signed.
      for (
        const [signed, code] of [
          [signature(makeTestUser(), uuid(), thread, message), "auth_failed"],
          ["AAAA", "auth_failed"],
          [undefined, "forbidden"]
        ] as const
      ) {
        const fields = signed === undefined ? {} : { signature: signed, salt: testSalt }
        client.send("submit_message", { content: "hi" }, thread, fields)
        assert.deepInclude((yield* client.next).payload, { code, rule: "AUT5" })
      }
      const second = uuid()
      const elsewhere = signature(ada, second, "thread:other", message)
      client.send("submit_message", { content: "hi" }, thread, { id: second, signature: elsewhere, salt: testSalt })
      assert.deepInclude((yield* client.next).payload, { code: "auth_failed" })

      const [entry, ...more] = yield* (yield* EventLog).read(TopicId.make(thread), { after: 0, limit: 10 })
      assert.isEmpty(more)
      assert.deepStrictEqual<unknown>(entry?.signature, {
        audience,
        topic: thread,
        command: seal(id, create),
        timestamp: 0,
        signature: signature(ada, id, thread, create)
      })
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT5] [TOP10] a signature covers the seals of texts: another salt, or none, is rejected", () =>
    Effect.gen(function*() {
      const { ada, client, id, thread } = yield* signedInClient
      const fields = { id, signature: signature(ada, id, thread, create) }
      client.send("create_thread", createPayload, undefined, { ...fields, salt: testSalt.toUpperCase() })
      assert.deepInclude((yield* client.next).payload, { code: "auth_failed", rule: "AUT5" })
      client.send("create_thread", createPayload, undefined, fields)
      assert.deepInclude((yield* client.next).payload, { code: "malformed", rule: "AUT5" })
      client.send("create_thread", createPayload, undefined, { ...fields, salt: testSalt })
      assert.deepInclude((yield* client.next).payload, { ref_id: id, seq: 1 })
      // A command without texts needs no salt.
      const close = uuid()
      client.send("close_thread", {}, thread, {
        id: close,
        signature: signature(ada, close, thread, { _tag: "close_thread" })
      })
      assert.deepInclude((yield* client.next).payload, { ref_id: close, seq: 2 })
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON2] requests after a signed command are executed after it, although it is verified first", () =>
    Effect.gen(function*() {
      const { ada, client, id, thread } = yield* signedInClient
      const first: CommandInput = { _tag: "create_thread", name: "First" }
      const signed = { id, salt: testSalt, signature: signature(ada, id, thread, first) }
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

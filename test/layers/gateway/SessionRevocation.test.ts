import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Redacted } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  signIn,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** Resumes a session on another connection. */
const resume = (client: RawClient, session_token: unknown) => {
  client.send("resume", { session_token })
  return client.nextOf("init")
}

/** All messages that a client receives from now on. */
const collectMessages = ({ ws }: RawClient): ReadonlyArray<ReceivedMessage> => {
  const messages: Array<ReceivedMessage> = []
  ws.on("message", (data) => messages.push(JSON.parse(String(data)) as ReceivedMessage))
  return messages
}

describe("revoking a session", () => {
  it.live.each([false, true])(
    "[SEC7] closes all its connections, which receive no further message (renewed: %s)",
    (renewed) =>
      Effect.gen(function*() {
        const url = yield* startListening
        const ada = makeTestUser()
        const first = yield* openClient(url)
        const tokens = [(yield* signIn(first, ada)).payload["session_token"]]
        const second = yield* openClient(url)
        yield* resume(second, tokens[0])
        const other = yield* openClient(url)
        yield* signIn(other, ada)
        const thread = `thread:${first.send("create_thread", { name: "Private" })}`
        yield* first.nextOf("receipt")
        for (const client of [second, other]) {
          client.send("subscribe", {}, thread)
          yield* client.nextOf("subscribed")
        }
        if (renewed) {
          first.send("renew")
          tokens.push((yield* first.nextOf("renewed")).payload["session_token"])
        }
        const received = collectMessages(second)
        first.send("sign_out")
        yield* first.nextOf("signed_out")
        assert.strictEqual(yield* Effect.timeout(second.closed, 1_000), closeCode.forcedOut)

        other.send("submit_message", { content: "among ourselves" }, thread)
        yield* other.nextOf("delta")
        assert.deepStrictEqual(received.filter(({ type }) => type === "delta"), [])
        for (const session_token of tokens) {
          const late = yield* openClient(url)
          late.send("resume", { session_token })
          assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
        }
      }).pipe(Effect.scoped, Effect.provide(wsServerLayer()))
  )

  it.live("[SEC7] revokes the successor of a renewal that was under way", () => {
    const gate = Deferred.makeUnsafe<void>()
    const successors: Array<string> = []
    return Effect.gen(function*() {
      const url = yield* startListening
      const first = yield* openClient(url)
      const { session_token } = (yield* signIn(first, makeTestUser())).payload
      const second = yield* openClient(url)
      yield* resume(second, session_token)
      first.send("renew")
      first.send("sign_out")
      assert.strictEqual(yield* second.closed, closeCode.forcedOut)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
      assert.strictEqual((yield* first.next).type, "signed_out")
      const late = yield* openClient(url)
      late.send("resume", { session_token: successors[0] })
      assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
    }).pipe(
      Effect.scoped,
      Effect.provide(wsServerLayer({
        sessions: ({ renew }) => ({
          renew: (id) =>
            Effect.tap(renew(id), ({ token }) => {
              successors.push(Redacted.value(token))
              return Deferred.await(gate)
            })
        })
      }))
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
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

/** Goes on under a token on another connection. */
const resume = (client: RawClient, session_token: unknown) => {
  client.send("resume", { session_token })
  return client.nextOf("init")
}

/** Everything that a client hears from now on. */
const collectMessages = ({ ws }: RawClient): ReadonlyArray<ReceivedMessage> => {
  const messages: Array<ReceivedMessage> = []
  ws.on("message", (data) => messages.push(JSON.parse(String(data)) as ReceivedMessage))
  return messages
}

describe("a session that is ended", () => {
  it.live.each([false, true])(
    "[SEC7] ends on all its connections, and they hear nothing more (renewed: %s)",
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
        const heard = collectMessages(second)
        first.send("sign_out")
        yield* first.nextOf("signed_out")
        assert.strictEqual(yield* Effect.timeout(second.closed, 1_000), closeCode.forcedOut)

        other.send("submit_message", { content: "among ourselves" }, thread)
        yield* other.nextOf("delta")
        assert.deepStrictEqual(heard.filter(({ type }) => type === "delta"), [])
        for (const session_token of tokens) {
          const late = yield* openClient(url)
          late.send("resume", { session_token })
          assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
        }
      }).pipe(Effect.scoped, Effect.provide(wsServerLayer()))
  )
})

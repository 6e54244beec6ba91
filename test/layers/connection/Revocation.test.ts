import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { type Client, listening, open, person, type Received, server, signIn } from "../../support/People.ts"

/** Goes on under a token on another connection. */
const resume = (client: Client, session_token: unknown) => {
  client.send("resume", { session_token })
  return client.nextOf("init")
}

/** Everything that a client hears from now on. */
const listen = ({ ws }: Client): ReadonlyArray<Received> => {
  const heard: Array<Received> = []
  ws.on("message", (data) => heard.push(JSON.parse(String(data)) as Received))
  return heard
}

describe("a session that is ended", () => {
  it.live.each([false, true])(
    "[SEC7] ends on all its connections, and they hear nothing more (renewed: %s)",
    (renewed) =>
      Effect.gen(function*() {
        const url = yield* listening
        const ada = person()
        const first = yield* open(url)
        const tokens = [(yield* signIn(first, ada)).payload["session_token"]]
        const second = yield* open(url)
        yield* resume(second, tokens[0])
        const other = yield* open(url)
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
        const heard = listen(second)
        first.send("sign_out")
        yield* first.nextOf("signed_out")
        assert.strictEqual(yield* Effect.timeout(second.closed, 1_000), closeCode.forcedOut)

        other.send("submit_message", { content: "among ourselves" }, thread)
        yield* other.nextOf("delta")
        assert.deepStrictEqual(heard.filter(({ type }) => type === "delta"), [])
        for (const session_token of tokens) {
          const late = yield* open(url)
          late.send("resume", { session_token })
          assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
        }
      }).pipe(Effect.scoped, Effect.provide(server()))
  )
})

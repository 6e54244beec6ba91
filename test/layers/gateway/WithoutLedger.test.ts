import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { connectSignedIn, request, startListening, wsServerLayer } from "../../support/TestUsers.ts"

describe("a server without the ledger", () => {
  it.live("[TOP8] [AUT2] signs users in, who have no tokens, and serves its own kinds", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn(yield* startListening)
      assert.deepInclude(client.init.payload["user"], { public_key: client.user.key, balance: 0 })
      const { payload } = yield* request(client, "get_user")
      assert.deepInclude(payload["user"], { balance: 0 })
      assert.strictEqual((yield* request(client, "add", { n: 1 }, "counter:a")).type, "receipt")
    }).pipe(Effect.provide(wsServerLayer({ builtIn: new Map(), kinds: [CounterKind.kind] })), Effect.scoped))

  it.live("[TOP8] rejects what needs one with a typed error: nothing can be staked", () => {
    const builtIn = new Map([...builtInKinds].filter(([name]) => name === "thread"))
    return Effect.gen(function*() {
      const url = yield* startListening
      const [author, stranger] = [yield* connectSignedIn(url), yield* connectSignedIn(url)]
      const { payload: { topic } } = yield* request(author, "create_thread", { name: "Tea" })
      const refused = yield* request(stranger, "submit_message", { content: "Let me in." }, String(topic))
      assert.deepInclude(refused.payload, { code: "not_found", rule: "TOP8", retryable: false })
      assert.strictEqual(
        (yield* request(author, "submit_message", { content: "Mine." }, String(topic))).type,
        "receipt"
      )
    }).pipe(Effect.provide(wsServerLayer({ builtIn })), Effect.scoped)
  })
})

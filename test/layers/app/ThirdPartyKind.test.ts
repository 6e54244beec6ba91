import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CounterKind from "../../support/CounterKind.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { snapshotState } from "../../support/Published.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../../support/TestUsers.ts"

describe("a third-party kind", () => {
  it.live("[TOP8] is one value: its topics accept commands, send events, and survive a restart", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const topic = "counter:votes"
      const enter = Effect.fnUntraced(function*() {
        const client = yield* openClient(
          socketUrl(yield* startInProcessServer({ CHOIR_DATA: data }, { kinds: [CounterKind.kind] }))
        )
        yield* signIn(client, makeTestUser())
        client.send("subscribe", {}, topic)
        return { client, state: snapshotState<CounterKind.State>(yield* client.nextOf("subscribed")) }
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const { client, state } = yield* enter()
        assert.strictEqual(state.total, 0)
        client.send("add", { n: 3 }, topic)
        const { events } = (yield* client.nextOf("delta")).payload as { events: ReadonlyArray<{ event: unknown }> }
        assert.deepStrictEqual(events.map(({ event }) => event), [{ _tag: "Added", n: 3 }])
        client.send("add", { n: "three" }, topic)
        assert.strictEqual((yield* client.nextOf("error")).payload["code"], "malformed")
      }))
      yield* Effect.scoped(Effect.gen(function*() {
        const { client, state } = yield* enter()
        assert.strictEqual(state.total, 3)
        client.send("subscribe", {}, "thread:none")
        assert.strictEqual((yield* client.nextOf("error")).payload["code"], "not_found")
      }))
    }).pipe(Effect.scoped))
})

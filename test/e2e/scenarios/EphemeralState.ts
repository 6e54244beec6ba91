/** Scenarios of presence, signals and streamed text, and of closing a thread. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import type { PlainState } from "../../../src/domain/thread/ThreadModel.ts"
import { connectInRoom, connectSignedIn, type E2eServer, eventsOf } from "../../support/E2eServerFixture.ts"
import { snapshotState } from "../../support/Published.ts"
import { request } from "../../support/TestUsers.ts"
import { indices } from "./Helpers.ts"

/** Registers the scenarios. */
export const ephemeralState = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[ROO2] terminated connections leave the presence list", () =>
    Effect.gen(function*() {
      const topic = "room:ghosts"
      const watcher = yield* connectInRoom(topic)
      const all = yield* Effect.forEach(indices(20), () => connectInRoom(topic), { concurrency: 8 })
      for (const { ws } of all) ws.terminate()
      const left = yield* Effect.repeat(request(watcher, "subscribe", {}, topic), {
        until: ({ payload }) => (payload["presence"] as ReadonlyArray<unknown>).length === 1
      })
      assert.deepInclude((left.payload["presence"] as ReadonlyArray<object>)[0]!, { user: watcher.user.key })
    }))

  it.effect("[ROO3] a new subscriber receives the latest value of each signal", () =>
    Effect.gen(function*() {
      const topic = "room:signals"
      const client = yield* connectInRoom(topic)
      for (const i of indices(20)) client.send("signal", { key: "cursor", value: i }, topic)
      client.send("signal", { key: "typing", value: true }, topic)
      client.send("signal", { key: "typing", value: null }, topic)
      yield* request(client, "heartbeat")
      const late = yield* connectSignedIn()
      const { payload } = yield* request(late, "subscribe", {}, topic)
      const shown = payload["signals"] as ReadonlyArray<{ readonly key: string; readonly value: unknown }>
      assert.deepStrictEqual(shown.map(({ key, value }) => [key, value]), [["cursor", 19]])
    }))

  it.effect("[CHO5][CHO7][CHO8] a late subscriber receives the streamed text from its start, the run continues when its asker disconnects, and a cancellation ends it", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn()
      const topic = String((yield* request(client, "create_thread", { name: "Slow thoughts" })).payload["topic"])
      yield* request(client, "subscribe", {}, topic)
      const prompt = client.send("submit_prompt", { prompt: "What takes so long?" }, topic)
      yield* Effect.repeat(client.nextOf("chorus_response"), { until: ({ payload }) => Number(payload["offset"]) > 0 })
      const late = yield* connectSignedIn()
      yield* request(late, "subscribe", {}, topic)
      let text = ""
      for (let pieces = 0; pieces < 3; pieces++) {
        const { payload } = yield* late.nextOf("chorus_response")
        if (pieces === 0) assert.strictEqual(payload["offset"], 0)
        assert.strictEqual(payload["offset"], text.length)
        text += String(payload["text"])
      }
      assert.isAbove(text.length, 12)
      client.ws.terminate()
      yield* Effect.repeat(request(late, "subscribe", {}, topic), {
        until: ({ payload }) => (payload["presence"] as ReadonlyArray<unknown>).length === 1
      })
      yield* Effect.repeat(late.nextOf("chorus_response"), {
        until: ({ payload }) => Number(payload["offset"]) > text.length
      })
      // The same user cancels from another device.
      const device = yield* connectSignedIn(client.user)
      assert.strictEqual((yield* request(device, "cancel_run", { prompt_id: prompt }, topic)).type, "receipt")
      yield* Effect.repeat(late.nextOf("delta"), {
        until: (delta) => eventsOf(delta).some(({ event }) => event._tag === "RunCancelled")
      })
      const after = yield* request(late, "subscribe", {}, topic)
      const { runs } = snapshotState<PlainState>(after)
      assert.deepStrictEqual(runs.map(({ status }) => status), ["cancelled"])
    }))

  it.effect("[THR7] a closed thread rejects messages and stays readable", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn()
      const topic = String((yield* request(client, "create_thread", { name: "Short" })).payload["topic"])
      yield* request(client, "submit_message", { content: "The only word." }, topic)
      assert.strictEqual((yield* request(client, "close_thread", {}, topic)).type, "receipt")
      assert.strictEqual((yield* request(client, "submit_message", { content: "More" }, topic)).type, "error")
      const { payload } = yield* request(client, "get_thread", {}, topic)
      assert.lengthOf(payload["messages"] as ReadonlyArray<unknown>, 1)
    }))
}

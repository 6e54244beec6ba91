/** Of the moment: presence, signals and running text. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { ask, events, guest, inRoom, type Stage } from "../../support/Stage.ts"
import { times } from "./Shorthand.ts"

export const moment = (it: Vitest.MethodsNonLive<Stage>) => {
  it.effect("[ROO2] connections that are cut leave no ghosts", () =>
    Effect.gen(function*() {
      const topic = "room:ghosts"
      const watcher = yield* inRoom(topic)
      const all = yield* Effect.forEach(times(20), () => inRoom(topic), { concurrency: 8 })
      for (const { ws } of all) ws.terminate()
      const left = yield* Effect.repeat(ask(watcher, "subscribe", {}, topic), {
        until: ({ payload }) => (payload["presence"] as ReadonlyArray<unknown>).length === 1
      })
      assert.deepInclude((left.payload["presence"] as ReadonlyArray<object>)[0]!, { user: watcher.who.key })
    }))

  it.effect("[ROO3] of signals the latest counts, and a newcomer sees it", () =>
    Effect.gen(function*() {
      const topic = "room:signals"
      const one = yield* inRoom(topic)
      for (const i of times(20)) one.send("signal", { key: "cursor", value: i }, topic)
      one.send("signal", { key: "typing", value: true }, topic)
      one.send("signal", { key: "typing", value: null }, topic)
      yield* ask(one, "heartbeat")
      const late = yield* guest()
      const { payload } = yield* ask(late, "subscribe", {}, topic)
      const shown = payload["signals"] as ReadonlyArray<{ readonly key: string; readonly value: unknown }>
      assert.deepStrictEqual(shown.map(({ key, value }) => [key, value]), [["cursor", 19]])
    }))

  it.effect("[CHO5][CHO8] a latecomer hears the running text from its beginning, and cancelling stops it", () =>
    Effect.gen(function*() {
      const one = yield* guest()
      const topic = String((yield* ask(one, "create_thread", { name: "Slow thoughts" })).payload["topic"])
      yield* ask(one, "subscribe", {}, topic)
      const prompt = one.send("submit_prompt", { prompt: "What takes so long?" }, topic)
      yield* Effect.repeat(one.nextOf("chorus_response"), { until: ({ payload }) => Number(payload["offset"]) > 0 })
      const late = yield* guest()
      yield* ask(late, "subscribe", {}, topic)
      let text = ""
      for (let pieces = 0; pieces < 3; pieces++) {
        const { payload } = yield* late.nextOf("chorus_response")
        if (pieces === 0) assert.strictEqual(payload["offset"], 0)
        assert.strictEqual(payload["offset"], text.length)
        text += String(payload["text"])
      }
      assert.isAbove(text.length, 12)
      // The same person cancels from another device.
      const device = yield* guest(one.who)
      assert.strictEqual((yield* ask(device, "cancel_run", { prompt_id: prompt }, topic)).type, "receipt")
      yield* Effect.repeat(late.nextOf("delta"), {
        until: (delta) => events(delta).some(({ event }) => event._tag === "RunCancelled")
      })
      const after = yield* ask(late, "subscribe", {}, topic)
      const { runs } = after.payload["state"] as { readonly runs: ReadonlyArray<{ readonly status: string }> }
      assert.deepStrictEqual(runs.map(({ status }) => status), ["cancelled"])
    }))

  it.effect("[THR7] a thread that is closed takes nothing more, and is still read", () =>
    Effect.gen(function*() {
      const one = yield* guest()
      const topic = String((yield* ask(one, "create_thread", { name: "Short" })).payload["topic"])
      yield* ask(one, "submit_message", { content: "The only word." }, topic)
      assert.strictEqual((yield* ask(one, "close_thread", {}, topic)).type, "receipt")
      assert.strictEqual((yield* ask(one, "submit_message", { content: "More" }, topic)).type, "error")
      const { payload } = yield* ask(one, "get_thread", {}, topic)
      assert.lengthOf(payload["messages"] as ReadonlyArray<unknown>, 1)
    }))
}

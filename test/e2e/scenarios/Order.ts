/** Order, and catching up: nothing is missed, doubled or served in another order. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { person, uuid } from "../../support/People.ts"
import { answerTo, ask, events, eventsTo, guest, inRoom, position, type Stage } from "../../support/Stage.ts"
import { each, numbers, seqs, times } from "./Shorthand.ts"

export const order = (it: Vitest.MethodsNonLive<Stage>) => {
  it.effect("[FLT10][SYN2] 200 who come back at once from their positions miss nothing and hear nothing twice", () =>
    Effect.gen(function*() {
      const topic = "room:storm"
      const author = yield* inRoom(topic)
      for (const i of times(100)) yield* ask(author, "send_message", { content: i }, topic)
      const { epoch } = position(yield* ask(author, "subscribe", {}, topic))
      const everybody = yield* Effect.forEach(times(200), () => guest(author.who), { concurrency: 32 })
      const heard = yield* Effect.forkChild(
        Effect.forEach(everybody, (one, i) =>
          Effect.gen(function*() {
            const caught = yield* ask(one, "subscribe", { position: { epoch, seq: i % 100 } }, topic)
            assert.strictEqual(caught.payload["mode"], "deltas")
            return [...events(caught), ...yield* eventsTo(one, 111)]
          }), each),
        { startImmediately: true }
      )
      for (const i of times(10)) yield* ask(author, "send_message", { content: i }, topic)
      for (const [i, all] of (yield* Fiber.join(heard)).entries()) {
        assert.deepStrictEqual(seqs(all), numbers(i % 100 + 1, 111))
      }
    }))

  it.effect("[SYN4][SYN5] one command from eight connections at once is carried out once, with a receipt for each", () =>
    Effect.gen(function*() {
      const topic = "room:race"
      const who = person()
      const all = yield* Effect.forEach(times(8), () => inRoom(topic, who), { concurrency: 1 })
      const id = uuid()
      const text = JSON.stringify({
        id,
        type: "send_message",
        payload: { content: "once" },
        timestamp: 0,
        thread_id: topic
      })
      for (const { ws } of all) ws.send(text)
      const receipts = yield* Effect.forEach(all, (one) => answerTo(one, id), each)
      assert.deepStrictEqual(receipts.map(({ payload }) => payload["seq"]), times(8).map(() => 2))
      assert.lengthOf(receipts.filter(({ payload }) => payload["dup"] !== true), 1)
      const whole = yield* ask(all[0]!, "subscribe", {}, topic)
      assert.strictEqual(position(whole).seq, 2)
    }))

  it.effect("[TOP3][SYN2] many writers make one dense order, the same for everybody", () =>
    Effect.gen(function*() {
      const topic = "room:order"
      const all = yield* Effect.forEach(times(6), () => inRoom(topic), { concurrency: 1 })
      for (const i of times(20)) for (const one of all) one.send("send_message", { content: i }, topic)
      const heard = yield* Effect.forEach(all, (one) => eventsTo(one, 126), each)
      for (const one of heard) {
        assert.deepStrictEqual(seqs(one), numbers(one[0]!.seq, 126))
        assert.deepStrictEqual(one.slice(-120), heard[0]!.slice(-120))
      }
    }))

  it.effect("[SYN2] whoever leaves in the middle of subscribing leaves nothing behind", () =>
    Effect.gen(function*() {
      const topic = "room:hasty"
      const watcher = yield* inRoom(topic)
      yield* Effect.forEach(times(40), () =>
        Effect.scoped(Effect.gen(function*() {
          const one = yield* guest()
          one.send("subscribe", {}, topic)
        })), { concurrency: 8 })
      yield* ask(watcher, "send_message", { content: "still here" }, topic)
      const seen = yield* Effect.repeat(ask(watcher, "subscribe", {}, topic), {
        until: ({ payload }) => (payload["presence"] as ReadonlyArray<unknown>).length === 1
      })
      assert.strictEqual(position(seen).seq, 2)
    }))

  it.effect("[SYN2] after the answer to unsubscribe there is not one delta more", () =>
    Effect.gen(function*() {
      const topic = "room:leaving"
      const [author, reader] = [yield* inRoom(topic), yield* inRoom(topic)]
      for (const i of times(30)) author.send("send_message", { content: i }, topic)
      yield* reader.nextOf("delta")
      yield* ask(reader, "unsubscribe", {}, topic)
      yield* ask(author, "send_message", { content: "last" }, topic)
      const id = reader.send("heartbeat")
      const rest: Array<string> = []
      yield* Effect.repeat(Effect.tap(reader.next, ({ type }) => Effect.sync(() => rest.push(type))), {
        until: ({ payload }) => payload["ref_id"] === id
      })
      assert.deepStrictEqual(rest, ["heartbeat"])
    }))

  it.effect("[SYN2] who subscribes twice, or in a storm, hears everything once", () =>
    Effect.gen(function*() {
      const topic = "room:again"
      const one = yield* inRoom(topic)
      for (const _ of times(20)) {
        one.send("subscribe", {}, topic)
        one.send("unsubscribe", {}, topic)
      }
      yield* ask(one, "subscribe", {}, topic)
      yield* ask(one, "subscribe", {}, topic)
      for (const i of times(10)) one.send("send_message", { content: i }, topic)
      assert.deepStrictEqual(seqs(yield* eventsTo(one, 11)), numbers(2, 11))
    }))

  it.effect("[SYN2][SYN8] a position ahead of the log, or of another epoch, gets a snapshot", () =>
    Effect.gen(function*() {
      const topic = "room:elsewhere"
      const one = yield* inRoom(topic)
      const { epoch, seq } = position(yield* ask(one, "subscribe", {}, topic))
      for (const from of [{ epoch, seq: seq + 1 }, { epoch: epoch.replace(/./g, "0"), seq }]) {
        const answer = yield* ask(one, "subscribe", { position: from }, topic)
        assert.strictEqual(answer.payload["mode"], "snapshot")
        assert.deepStrictEqual(position(answer), { epoch, seq })
      }
    }))

  it.effect("[SYN2] 300 behind is caught up with, 301 is a snapshot, and never a part of it", () =>
    Effect.gen(function*() {
      const topic = "room:behind"
      const one = yield* inRoom(topic)
      const { epoch } = position(yield* ask(one, "subscribe", {}, topic))
      for (const i of times(310)) yield* ask(one, "send_message", { content: i }, topic)
      const top = 311
      const near = yield* ask(one, "subscribe", { position: { epoch, seq: top - 300 } }, topic)
      assert.deepStrictEqual(seqs(events(near)), numbers(top - 299, top))
      const far = yield* ask(one, "subscribe", { position: { epoch, seq: top - 301 } }, topic)
      assert.strictEqual(far.payload["mode"], "snapshot")
      assert.strictEqual(position(far).seq, top)
    }))
}

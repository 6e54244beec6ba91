/** Many small plays on one built server, each of which checks itself; at the end the stage must be as empty as before. */
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { open, person, uuid } from "../support/People.ts"
import { answerTo, ask, empty, events, eventsTo, guest, inRoom, position, Stage } from "../support/Stage.ts"
import * as TheStage from "../support/Stage.ts"

const each = { concurrency: "unbounded" } as const
const times = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const numbers = (from: number, to: number): ReadonlyArray<number> => times(to - from + 1).map((i) => from + i)
const seqs = (all: ReadonlyArray<{ readonly seq: number }>) => all.map(({ seq }) => seq)
const code = (message: { readonly payload: Readonly<Record<string, unknown>> }) => message.payload["code"]

let before: TheStage.Rest | undefined

layer(TheStage.layer, { excludeTestServices: true, timeout: "5 minutes" })("scenarios", (it) => {
  it.effect("[ROO8] the stage is empty before the play", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(inRoom("room:warm"))
      before = yield* empty
    }))

  // -- Order, and catching up --

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

  // -- Bad manners --

  it.effect("[CON4] 16 malformed frames are each answered as documented, then comes 4509, and nobody else notices", () =>
    Effect.gen(function*() {
      const neighbour = yield* inRoom("room:manners")
      const one = yield* guest()
      const envelope = { id: uuid(), type: "heartbeat", payload: {}, timestamp: 0 }
      const deep = "[".repeat(40) + "]".repeat(40)
      const keys = Object.fromEntries(times(300).map((i) => [`k${i}`, 0]))
      const frames: ReadonlyArray<readonly [text: string, code: string]> = [
        ["", "malformed"],
        ["not JSON", "malformed"],
        ["null", "malformed"],
        ["[]", "malformed"],
        ["{}", "malformed"],
        [JSON.stringify({ ...envelope, id: "1" }), "malformed"],
        [JSON.stringify({ ...envelope, type: "" }), "malformed"],
        [JSON.stringify({ ...envelope, type: "sing", thread_id: "room:manners" }), "unknown_type"],
        [JSON.stringify({ ...envelope, payload: [] }), "malformed"],
        [JSON.stringify(envelope).replace("{}", deep), "too_large"],
        [JSON.stringify({ ...envelope, payload: keys }), "too_large"],
        [JSON.stringify(envelope).replace(":0}", ":1e999}"), "malformed"],
        [JSON.stringify(envelope).replace("{}", "{\"a\":\"\\ud800\"}"), "malformed"],
        [JSON.stringify(envelope).replace("{}", "{\"__proto__\":1}"), "malformed"],
        [JSON.stringify({ ...envelope, type: "subscribe" }), "malformed"],
        [JSON.stringify({ ...envelope, payload: { extra: 1 } }), "malformed"]
      ]
      for (const [text, expected] of frames) {
        one.ws.send(text)
        assert.deepInclude((yield* one.nextOf("error")).payload, { code: expected, retryable: false }, text)
      }
      assert.strictEqual(yield* one.closed, closeCode.tooManyErrors)
      assert.strictEqual((yield* ask(neighbour, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[CON4][SEC12] what is too large closes with 1009, what is not text with 1003", () =>
    Effect.gen(function*() {
      const [large, binary] = [yield* guest(), yield* guest()]
      large.ws.send("x".repeat(65_537))
      assert.strictEqual(yield* large.closed, closeCode.tooLarge)
      binary.ws.send(Buffer.from("{}"))
      assert.strictEqual(yield* binary.closed, closeCode.unsupportedData)
    }))

  it.effect("[CON7] too fast is told when to come back, and is welcome then", () =>
    Effect.gen(function*() {
      const topic = "room:fast"
      const one = yield* inRoom(topic)
      const post = (id: string) =>
        one.ws.send(
          JSON.stringify({ id, type: "send_message", payload: { content: 1 }, timestamp: 0, thread_id: topic })
        )
      /** Some at once, so that a slow disk does not make them few; the answers, in the order in which they come. */
      const some = Effect.gen(function*() {
        const ids = new Set<unknown>(times(16).map(() => uuid()))
        for (const id of ids) post(id as string)
        return yield* Effect.forEach(ids, () =>
          Effect.repeat(one.next, { until: ({ payload }) => ids.has(payload["ref_id"]) }))
      })
      const answers = yield* Effect.repeat(some, {
        until: (all) =>
          all.some(({ type }) => type === "error")
      })
      const { payload } = answers.findLast(({ type }) => type === "error")!
      assert.deepInclude(payload, { code: "rate_limited", retryable: true })
      yield* Effect.sleep(Number(payload["retry_after_ms"]))
      const id = String(payload["ref_id"])
      post(id)
      assert.strictEqual((yield* answerTo(one, id)).type, "receipt")
    }))

  it.effect("[SYN12] a connection may have 128 subscriptions and not one more", () =>
    Effect.gen(function*() {
      const one = yield* guest()
      for (const i of times(128)) {
        assert.strictEqual((yield* ask(one, "subscribe", {}, `room:many-${i}`)).type, "subscribed")
      }
      assert.strictEqual(code(yield* ask(one, "subscribe", {}, "room:many-128")), "too_large")
      yield* ask(one, "unsubscribe", {}, "room:many-0")
      assert.strictEqual((yield* ask(one, "subscribe", {}, "room:many-128")).type, "subscribed")
    }))

  // -- Who is there --

  it.effect("[AUT4] nothing is served to a stranger", () =>
    Effect.gen(function*() {
      const stranger = yield* open((yield* Stage).url)
      for (
        const [type, payload, thread] of [
          ["create_thread", { name: "Mine" }, undefined],
          ["send_message", { content: 1 }, "room:order"],
          ["subscribe", {}, "room:order"],
          ["get_threads", {}, undefined],
          ["get_user", {}, undefined],
          ["renew", {}, undefined],
          ["signal", { key: "k", value: 1 }, "room:order"]
        ] as const
      ) {
        assert.strictEqual(code(yield* ask(stranger, type, payload, thread)), "unauthenticated", type)
      }
      assert.strictEqual((yield* ask(stranger, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[AUT4][SEC8] nobody speaks in another's name", () =>
    Effect.gen(function*() {
      const topic = "room:names"
      const one = yield* inRoom(topic)
      const other = person().key
      for (const field of ["author", "by", "user", "user_id"]) {
        const answer = yield* ask(one, "send_message", { content: 1, [field]: other }, topic)
        assert.strictEqual(code(answer), "malformed", field)
      }
      assert.strictEqual(position(yield* ask(one, "subscribe", {}, topic)).seq, 1)
    }))

  it.effect("[THR10][AUT4] a thread for members only is to others as if it did not exist", () =>
    Effect.gen(function*() {
      const [owner, stranger] = [yield* guest(), yield* guest()]
      const created = yield* ask(owner, "create_thread", { name: "Ours", visibility: "members" })
      const real = String(created.payload["topic"])
      const nowhere = `thread:${uuid()}`
      for (
        const [type, payload] of [
          ["subscribe", {}],
          ["get_thread", {}],
          ["submit_message", { content: "x" }],
          ["submit_prompt", { prompt: "x" }],
          ["close_thread", {}],
          ["cancel_run", { prompt_id: uuid() }],
          ["process_approval", { message_id: uuid(), decision: "approve" }]
        ] as const
      ) {
        const [here, there] = [yield* ask(stranger, type, payload, real), yield* ask(stranger, type, payload, nowhere)]
        assert.strictEqual(code(here), "not_found", type)
        assert.deepStrictEqual({ ...here.payload, ref_id: "" }, { ...there.payload, ref_id: "" }, type)
      }
      const threads = (yield* ask(stranger, "get_threads", { public: true })).payload["threads"]
      assert.notInclude(JSON.stringify(threads), real)
      assert.include(JSON.stringify((yield* ask(owner, "get_threads")).payload), real)
    }))

  it.effect("[AUT2] a session is resumed, renewed and ended by its token", () =>
    Effect.gen(function*() {
      const { url } = yield* Stage
      const resume = (session_token: unknown) =>
        Effect.gen(function*() {
          const client = yield* open(url)
          client.send("resume", { session_token })
          return { client, answer: yield* client.next }
        })
      const first = yield* guest()
      first.ws.terminate()
      const { answer, client } = yield* resume(first.init.payload["session_token"])
      assert.deepInclude(answer.payload["user"] as object, { public_key: first.who.key })
      const renewed = (yield* ask(client, "renew")).payload["session_token"]
      const second = yield* resume(renewed)
      assert.strictEqual(second.answer.type, "init")
      assert.strictEqual((yield* ask(second.client, "sign_out")).type, "signed_out")
      assert.strictEqual(code(yield* ask(second.client, "get_user")), "unauthenticated")
      assert.strictEqual(code((yield* resume(renewed)).answer), "auth_failed")
    }))

  it.effect("[AUT7] a client instance that connects again takes over, and the old connection is told so", () =>
    Effect.gen(function*() {
      const [who, instance] = [person(), uuid()]
      const old = yield* guest(who, instance)
      const now = yield* guest(who, instance)
      assert.deepInclude((yield* old.nextOf("goodbye")).payload, { code: closeCode.replaced, resume: false })
      assert.strictEqual(yield* old.closed, closeCode.replaced)
      assert.strictEqual((yield* ask(now, "get_user")).type, "user")
    }))

  it.effect("[AUT3][CON3] who does not sign in is closed with 4408, who does not answer pings with 4012", () =>
    Effect.gen(function*() {
      const stranger = yield* open((yield* Stage).url)
      const deaf = yield* open((yield* Stage).url, { autoPong: false })
      const silent = Effect.gen(function*() {
        yield* TheStage.entered(deaf)
        return yield* deaf.closed
      })
      assert.deepStrictEqual(yield* Effect.all([stranger.closed, silent], each), [
        closeCode.authTimeout,
        closeCode.noPong
      ])
    }))

  // -- Of the moment --

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

  // -- The Chorus --

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

  it.effect("[ROO8][CON4] in the end nothing is left of anybody: sockets, topics, timers, fibers", () =>
    Effect.gen(function*() {
      const { rest, stderr } = yield* Stage
      yield* empty
      const after = yield* Effect.repeat(rest, {
        until: ({ fibers, timers }) => fibers <= before!.fibers && timers <= before!.timers,
        schedule: Schedule.spaced("250 millis"),
        times: 80
      })
      // Fewer is well: something may have been on its way out when the play began.
      for (const [what, count] of Object.entries(before!)) {
        assert.isAtMost(after[what as keyof TheStage.Rest], count, what)
      }
      assert.notMatch(stderr(), /defect|level":"ERROR/)
    }))
})

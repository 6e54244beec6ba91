/** What networks and disks do to clients and a server, and that everybody is in step afterwards. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schedule } from "effect"
import { Client } from "../../src/client/index.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import { History, type Sent, unlike } from "../support/History.ts"
import { generous, holds, inStep, logOf, type Member, member, room, stateAfter, until } from "../support/Members.ts"
import { open, person, signIn, uuid } from "../support/People.ts"
import { folder, start } from "../support/ServerProcess.ts"
import * as SmallDisk from "../support/SmallDisk.ts"
import { post, type Work, write } from "../support/Writers.ts"

const isOnline = ({ client }: Member) => client.state().link._tag === "Online"

/** What connection a client is on, if it is on one. */
const connection = ({ client }: Member): string | undefined => {
  const { link } = client.state()
  return link._tag === "Online" ? link.connection : undefined
}

/** The clock, `times` as fast from now on. */
const fastClock = (times: number): Effect.Effect<Clock.Clock> =>
  Effect.clockWith((real) => {
    const began = real.currentTimeMillisUnsafe()
    const millis = () => began + (real.currentTimeMillisUnsafe() - began) * times
    return Effect.succeed({
      ...real,
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      sleep: (duration) => real.sleep(Duration.times(duration, 1 / times))
    })
  })

/** A server, a proxy before it, and two people who write through the proxy while a third reads directly. */
const scene = (
  name: string,
  env: Readonly<Record<string, string>> = {},
  clock: Clock.Clock | undefined = undefined
) =>
  Effect.gen(function*() {
    const data = yield* folder
    const topic = room(name)
    const server = yield* start({ data, env: { ...generous, CHOIR_CATCH_UP: "1000000", ...env } })
    const proxy = yield* FaultProxy.make(server.port)
    const reader = yield* member(server.url, topic)
    const author = Effect.provideService(member(proxy.url, topic), Clock.Clock, clock ?? (yield* Clock.Clock))
    const authors = [yield* author, yield* author] as const
    const work: Work = { history: new History(), pause: 0, stopped: false }
    const writing = yield* Effect.forkChild(
      Effect.forEach(authors, (author) => write(author, work), { concurrency: "unbounded", discard: true })
    )

    /** Waits until that many more messages were acknowledged. */
    const progress = (more: number) =>
      Effect.suspend(() => {
        const wanted = work.history.acknowledged + more
        return holds(() => work.history.acknowledged >= wanted)
      })

    /** Ends the work, and compares what everybody holds with the log. */
    const check = Effect.gen(function*() {
      work.stopped = true
      yield* Fiber.join(writing)
      const everybody = [reader, ...authors]
      const copies = yield* Effect.forEach(everybody, (one) => inStep(one, work.history.newest))
      assert.strictEqual(yield* server.end("SIGTERM"), 0)
      const log = yield* logOf(data, topic)
      assert.deepStrictEqual(work.history.problems(log), [])
      assert.strictEqual(work.history.acknowledged, work.history.sent.length)
      for (const copy of copies) assert.deepStrictEqual(copy, stateAfter(topic, log))
      for (const { heard } of everybody) assert.deepStrictEqual(unlike(heard, log), [])
    })
    return { proxy, reader, authors, work, progress, check }
  })

describe("the network", () => {
  it.live("[FLT7][SYN2][SYN10] connections that are reset again and again lose and double nothing", () =>
    Effect.gen(function*() {
      const { authors, check, progress, proxy } = yield* scene("reset")
      for (let cut = 0; cut < 12; cut++) {
        yield* progress(20)
        const before = authors.map(connection)
        assert.isAtLeast(yield* proxy.cut, 1)
        for (const [i, author] of authors.entries()) {
          yield* holds(() => !isOnline(author) || connection(author) !== before[i])
          author.client.start()
        }
      }
      yield* progress(20)
      yield* check
    }))

  it.live("[FLT8][SYN3] delay, bytes one at a time, and a direction that stalls change nothing but the time", () =>
    Effect.gen(function*() {
      const { authors, check, progress, proxy, reader, work } = yield* scene("slow")
      yield* progress(20)
      yield* proxy.set({ _tag: "Delay", millis: 60 })
      yield* progress(32)
      yield* proxy.set({ _tag: "OneByte" })
      yield* progress(40)
      // Nothing of the server gets through: what it decides arrives later, in one piece.
      yield* proxy.set({ _tag: "StallDown" })
      // Said only now: answers to what was said before may be past the proxy already.
      const said: Array<Sent> = []
      const say = (author: Member) =>
        Effect.suspend(() => {
          const sent = work.history.send(Client.commandId(), author.key)
          said.push(sent)
          return post(author, work, sent)
        })
      const answers = yield* Effect.forEach(authors, (author) => Effect.forkChild(say(author)))
      const heard = ({ id }: Sent) => reader.heard.some(({ cause }) => cause === id)
      yield* holds(() => said.length === authors.length && said.every(heard))
      assert.deepStrictEqual(said.map(({ outcome }) => outcome), ["unknown", "unknown"])
      yield* proxy.set({ _tag: "None" })
      yield* Fiber.joinAll(answers)
      yield* progress(20)
      yield* proxy.set({ _tag: "StallUp" })
      yield* Effect.sleep("200 millis")
      yield* proxy.set({ _tag: "None" })
      yield* progress(20)
      yield* check
    }))

  it.live("[FLT7][CON3][ROO2] a peer behind a black hole is found by the heartbeat, and leaves no ghost", () =>
    Effect.gen(function*() {
      const env = { CHOIR_PING_INTERVAL: "300", CHOIR_PONG_TIMEOUT: "3000" }
      const { authors, check, progress, proxy, reader } = yield* scene("hole", env)
      yield* progress(20)
      const present = () => new Set(reader.room.view()?.presence.map(({ user }) => user))
      yield* holds(() => present().size === 3)
      yield* proxy.set({ _tag: "BlackHole" })
      yield* holds(() => present().size === 1)
      // The clients have heard of nothing: to them the line is only silent.
      for (const author of authors) assert.isTrue(isOnline(author))
      yield* proxy.set({ _tag: "None" })
      for (const { client } of authors) yield* holds(() => client.phase()._tag === "Subscribed")
      yield* progress(20)
      yield* holds(() => present().size === 3)
      yield* check
    }))

  it.live("[FLT7][SYN10][AUT7] a client whose line has gone silent finds out by itself", () =>
    Effect.gen(function*() {
      // On a clock that goes 20 times as fast, a client's patience of 40 s is over after 2.
      const { authors, check, progress, proxy } = yield* scene("silence", {}, yield* fastClock(20))
      yield* progress(20)
      yield* proxy.set({ _tag: "BlackHole" })
      for (const author of authors) yield* holds(() => !isOnline(author))
      yield* proxy.set({ _tag: "None" })
      yield* progress(20)
      yield* check
    }))
})

const tiny = SmallDisk.mayMount()

describe("the disk", () => {
  it.live.skipIf(!tiny)(
    `[FLT3][CON4][TOP4] a full disk refuses what is new, keeps what was acknowledged, and heals by itself${
      tiny ? "" : ": skipped, no file system may be mounted here"
    }`,
    () =>
      Effect.gen(function*() {
        const data = yield* SmallDisk.folder("8m")
        const topic = room("full")
        const history = new History()
        const server = yield* start({ data, env: generous })
        const reader = yield* member(server.url, topic)
        const who = person()
        const client = yield* open(`${server.url.replace("http", "ws")}/ws`)
        const init = yield* signIn(client, who)
        client.send("join_room", {}, topic)
        yield* client.nextOf("receipt")
        /** Sends under a new id or again; the answer. */
        const post = (sent = history.send(uuid(), who.key)) =>
          Effect.gen(function*() {
            const content = "x".repeat(8_000)
            client.ws.send(
              JSON.stringify({
                id: sent.id,
                type: "send_message",
                payload: { content },
                timestamp: 0,
                thread_id: topic
              })
            )
            const answer = yield* Effect.repeat(client.next, { until: ({ payload }) => payload["ref_id"] === sent.id })
            if (answer.type === "receipt") history.acknowledge(sent, Number(answer.payload["seq"]))
            return { sent, answer }
          })
        for (let i = 0; i < 20; i++) yield* post()

        const giveBack = yield* SmallDisk.fill(data)
        const { answer, sent } = yield* Effect.repeat(Effect.suspend(() => post()), {
          until: ({ answer }) => answer.type === "error"
        })
        assert.deepInclude(answer.payload, { code: "unavailable", retryable: true })
        assert.notMatch(String(answer.payload["message"]), /sqlite|\/tmp|choir\.db/i)

        // Whoever reads goes on, and so does what is only of the moment.
        yield* inStep(reader, history.acknowledged)
        client.send("subscribe", {}, topic)
        const whole = yield* client.nextOf("subscribed")
        assert.strictEqual((whole.payload["position"] as { readonly seq: number }).seq, history.acknowledged + 2)
        client.send("signal", { key: "typing", value: true }, topic)
        yield* until(reader, ({ signals }) => signals.some(({ from }) => from === who.key))
        const again = yield* open(`${server.url.replace("http", "ws")}/ws`)
        again.send("resume", { session_token: init.payload["session_token"] })
        yield* again.nextOf("init")
        assert.strictEqual((yield* post(sent)).answer.type, "error")

        yield* giveBack
        const healed = yield* post(sent).pipe(
          Effect.repeat({ until: ({ answer }) => answer.type === "receipt", schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("30 seconds")
        )
        assert.isUndefined(healed.answer.payload["dup"])
        for (let i = 0; i < 20; i++) assert.strictEqual((yield* post()).answer.type, "receipt")
        yield* inStep(reader, history.acknowledged + 2)
        assert.strictEqual(yield* server.end("SIGTERM"), 0)
        assert.deepStrictEqual(history.problems(yield* logOf(data, topic)), [])
      })
  )
})

/** Network faults between real processes, and a full disk: afterwards every replica equals the log. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schedule } from "effect"
import { Client } from "../../src/client/index.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import { compareWithLog, History, type SentCommand } from "../support/History.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import {
  connectRoomClient,
  readLog,
  type RoomClient,
  roomStateAfter,
  roomTopic,
  unlimitedBudgets,
  waitForSeq,
  waitForView,
  waitUntil
} from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as SmallDisk from "../support/SmallDisk.ts"
import { connectSignedIn, makeTestUser, openClient, uuid } from "../support/TestUsers.ts"
import { runClientWriter, sendRecorded, type Workload } from "../support/WriterWorkload.ts"

const isOnline = ({ client }: RoomClient) => client.state().connection._tag === "Online"

/** The id of a client's connection; undefined while it is offline. */
const connectionOf = ({ client }: RoomClient): string | undefined => {
  const { connection } = client.state()
  return connection._tag === "Online" ? connection.connectionId : undefined
}

/** A clock that runs `times` as fast from now on. */
const fastClock = (times: number): Effect.Effect<Clock.Clock> =>
  Effect.clockWith((real) => {
    const startedAt = real.currentTimeMillisUnsafe()
    const millis = () => startedAt + (real.currentTimeMillisUnsafe() - startedAt) * times
    return Effect.succeed({
      ...real,
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      sleep: (duration) => real.sleep(Duration.times(duration, 1 / times))
    })
  })

/** A server behind a fault proxy, two writers through the proxy, and a reader that connects directly. */
const startScenario = (
  name: string,
  env: Readonly<Record<string, string>> = {},
  clock: Clock.Clock | undefined = undefined
) =>
  Effect.gen(function*() {
    const data = yield* temporaryFolder
    const topic = roomTopic(name)
    const server = yield* startServer({ data, env: { ...unlimitedBudgets, CHOIR_CATCH_UP: "1000000", ...env } })
    const proxy = yield* FaultProxy.makeFaultProxy(server.port)
    const reader = yield* connectRoomClient(server.url, topic)
    const author = Effect.provideService(
      connectRoomClient(proxy.url, topic),
      Clock.Clock,
      clock ?? (yield* Clock.Clock)
    )
    const authors = [yield* author, yield* author] as const
    const work: Workload = { history: new History(), restMillis: 0, stopped: false }
    const writing = yield* Effect.forkChild(
      Effect.forEach(authors, (author) => runClientWriter(author, work), { concurrency: "unbounded", discard: true })
    )

    /** Waits until `more` further messages were acknowledged. */
    const progress = (more: number) =>
      Effect.suspend(() => {
        const target = work.history.acknowledgedCount + more
        return waitUntil(() => work.history.acknowledgedCount >= target)
      })

    /** Ends the workload, and compares every client's replica and events with the log. */
    const check = Effect.gen(function*() {
      work.stopped = true
      yield* Fiber.join(writing)
      const clients = [reader, ...authors]
      const copies = yield* Effect.forEach(clients, (client) => waitForSeq(client, work.history.newestAcknowledgedSeq))
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
      const log = yield* readLog(data, topic)
      assert.deepStrictEqual(work.history.findViolations(log), [])
      assert.strictEqual(work.history.acknowledgedCount, work.history.sent.length)
      for (const copy of copies) assert.deepStrictEqual(copy, roomStateAfter(topic, log))
      for (const { receivedEvents } of clients) assert.deepStrictEqual(compareWithLog(receivedEvents, log), [])
    })
    return { proxy, reader, authors, work, progress, check }
  })

describe("the network", () => {
  it.live("[FLT7][SYN2][SYN10] repeated connection resets lose and duplicate no message", () =>
    Effect.gen(function*() {
      const { authors, check, progress, proxy } = yield* startScenario("reset")
      for (let cut = 0; cut < 12; cut++) {
        yield* progress(20)
        const before = authors.map(connectionOf)
        assert.isAtLeast(yield* proxy.resetConnections, 1)
        for (const [i, author] of authors.entries()) {
          yield* waitUntil(() => !isOnline(author) || connectionOf(author) !== before[i])
          author.client.start()
        }
      }
      yield* progress(20)
      yield* check
    }))

  it.live("[FLT8][SYN3] delay, one-byte writes and one-way stalls only add latency", () =>
    Effect.gen(function*() {
      const { authors, check, progress, proxy, reader, work } = yield* startScenario("slow")
      yield* progress(20)
      yield* proxy.setFault({ _tag: "Delay", millis: 60 })
      yield* progress(32)
      yield* proxy.setFault({ _tag: "OneByte" })
      yield* progress(40)
      // The server's answers are held back, and arrive later at once.
      yield* proxy.setFault({ _tag: "StallDown" })
      // Sent only now: answers to earlier messages may have passed the proxy already.
      const sentDuringStall: Array<SentCommand> = []
      const sendOne = (author: RoomClient) =>
        Effect.suspend(() => {
          const sent = work.history.recordSend(Client.commandId(), author.key)
          sentDuringStall.push(sent)
          return sendRecorded(author, work, sent)
        })
      const answers = yield* Effect.forEach(authors, (author) => Effect.forkChild(sendOne(author)))
      const isReceived = ({ id }: SentCommand) => reader.receivedEvents.some(({ cause }) => cause === id)
      yield* waitUntil(() => sentDuringStall.length === authors.length && sentDuringStall.every(isReceived))
      assert.deepStrictEqual(sentDuringStall.map(({ outcome }) => outcome), ["unknown", "unknown"])
      yield* proxy.setFault({ _tag: "None" })
      yield* Fiber.joinAll(answers)
      yield* progress(20)
      yield* proxy.setFault({ _tag: "StallUp" })
      yield* Effect.sleep("200 millis")
      yield* proxy.setFault({ _tag: "None" })
      yield* progress(20)
      yield* check
    }))

  it.live("[FLT7][CON3][ROO2] the heartbeat detects a black hole, and presence is cleared", () =>
    Effect.gen(function*() {
      const env = { CHOIR_PING_INTERVAL: "300", CHOIR_PONG_TIMEOUT: "3000" }
      const { authors, check, progress, proxy, reader } = yield* startScenario("hole", env)
      yield* progress(20)
      const present = () => new Set(reader.room.view()?.presence.map(({ user }) => user))
      yield* waitUntil(() => present().size === 3)
      yield* proxy.setFault({ _tag: "BlackHole" })
      yield* waitUntil(() => present().size === 1)
      // The clients are not notified: to them the connection is only silent.
      for (const author of authors) assert.isTrue(isOnline(author))
      yield* proxy.setFault({ _tag: "None" })
      for (const { client } of authors) yield* waitUntil(() => client.phase()._tag === "Subscribed")
      yield* progress(20)
      yield* waitUntil(() => present().size === 3)
      yield* check
    }))

  it.live("[FLT7][SYN10] a client detects a silent connection by its own timeout", () =>
    Effect.gen(function*() {
      // On a clock 20 times as fast, the client's timeout of 40 s expires after 2 s.
      const { authors, check, progress, proxy } = yield* startScenario("silence", {}, yield* fastClock(20))
      yield* progress(20)
      yield* proxy.setFault({ _tag: "BlackHole" })
      for (const author of authors) yield* waitUntil(() => !isOnline(author))
      yield* proxy.setFault({ _tag: "None" })
      yield* progress(20)
      yield* check
    }))
})

Prerequisite.describeWith(Prerequisite.mounting(SmallDisk.canMount()), "a full disk", () => {
  it.live(
    "[FLT3][TOP4] rejects new commands, keeps what was acknowledged, and recovers when space is freed",
    () =>
      Effect.gen(function*() {
        const data = yield* SmallDisk.makeSmallDisk("8m")
        const topic = roomTopic("full")
        const history = new History()
        const server = yield* startServer({ data, env: unlimitedBudgets })
        const reader = yield* connectRoomClient(server.url, topic)
        const user = makeTestUser()
        const client = yield* connectSignedIn(socketUrl(server.url), user)
        client.send("join_room", {}, topic)
        yield* client.nextOf("receipt")
        /** Sends a message, as a retry when `sent` is given; returns the answer. */
        const post = (sent = history.recordSend(uuid(), user.key)) =>
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

        const freeDisk = yield* SmallDisk.fillDisk(data)
        const { answer, sent } = yield* Effect.repeat(Effect.suspend(() => post()), {
          until: ({ answer }) => answer.type === "error"
        })
        assert.deepInclude(answer.payload, { code: "unavailable", retryable: true })
        assert.notMatch(String(answer.payload["message"]), /sqlite|\/tmp|choir\.db/i)

        // Reads, signals and session resumption still work.
        yield* waitForSeq(reader, history.acknowledgedCount)
        client.send("subscribe", {}, topic)
        const whole = yield* client.nextOf("subscribed")
        assert.strictEqual((whole.payload["position"] as { readonly seq: number }).seq, history.acknowledgedCount + 2)
        client.send("signal", { key: "typing", value: true }, topic)
        yield* waitForView(reader, ({ signals }) => signals.some(({ from }) => from === user.key))
        const again = yield* openClient(socketUrl(server.url))
        again.send("resume", { session_token: client.init.payload["session_token"] })
        yield* again.nextOf("init")
        assert.strictEqual((yield* post(sent)).answer.type, "error")

        yield* freeDisk
        const recovered = yield* post(sent).pipe(
          Effect.repeat({ until: ({ answer }) => answer.type === "receipt", schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("30 seconds")
        )
        assert.isUndefined(recovered.answer.payload["duplicate"])
        for (let i = 0; i < 20; i++) assert.strictEqual((yield* post()).answer.type, "receipt")
        yield* waitForSeq(reader, history.acknowledgedCount + 2)
        assert.strictEqual(yield* server.stop("SIGTERM"), 0)
        assert.deepStrictEqual(history.findViolations(yield* readLog(data, topic)), [])
      })
  )
})

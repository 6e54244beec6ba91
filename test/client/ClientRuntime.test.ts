import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { Client, Keys } from "../../src/client/index.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { topic } from "./ScriptedServer.ts"

/** Sockets of a server that cannot be reached. */
const unreachable: Client.Connect = () => ({
  send: () => {},
  close: () => {},
  addEventListener: (type, listener) => type === "close" ? listener({ code: 1006 }) : undefined
})

/** A client with these options, and a topic of it. */
const makeClient = Effect.fnUntraced(function*(options: Partial<Client.Options>) {
  const client = yield* Client.make({
    url: "http://choir.test",
    identity: yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret),
    kinds: [roomKind],
    ...options
  })
  return { client, lobby: client.topic(roomKind, topic) }
})

/** A client without a network, and a topic of it. */
const unconnectedClient = makeClient({ connect: unreachable })

/** Why a client has given up; undefined if it has not. */
const endReason = (client: Client.Client) => {
  const phase = client.phase()
  return phase._tag === "Disconnected" ? phase.reason : undefined
}

/** Makes this process look like a page to the client; the listeners that are on it. */
const pageListeners = Effect.acquireRelease(
  Effect.sync(() => {
    const active: Array<{ readonly target: EventTarget; readonly type: string; readonly listener: unknown }> = []
    class Page extends EventTarget {
      readonly document: EventTarget | undefined
      constructor(document?: EventTarget) {
        super()
        this.document = document
      }
      override addEventListener(type: string, listener: unknown) {
        active.push({ target: this, type, listener })
      }
      override removeEventListener(type: string, listener: unknown) {
        const index = active.findIndex((one) => one.target === this && one.type === type && one.listener === listener)
        if (index >= 0) active.splice(index, 1)
      }
    }
    const prototype: unknown = Object.getPrototypeOf(globalThis)
    Object.setPrototypeOf(globalThis, new Page(new Page()))
    return { active, restore: () => Object.setPrototypeOf(globalThis, prototype as object) }
  }),
  ({ restore }) => Effect.sync(restore)
)

describe("ClientRuntime", () => {
  it.effect("[SYN10] a client that has ended leaves no listener on its page", () =>
    Effect.gen(function*() {
      const { active } = yield* pageListeners
      yield* Effect.scoped(Effect.andThen(
        unconnectedClient,
        Effect.sync(() =>
          assert.includeMembers(active.map(({ type }) => type), [
            "visibilitychange",
            "online",
            "securitypolicyviolation"
          ])
        )
      ))
      assert.deepStrictEqual(active, [])
    }))

  it.effect("[SYN10] each command is decided with 32 random bits of its own", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* unconnectedClient
      for (let n = 0; n < 50; n++) {
        yield* Effect.forkChild(lobby.send({ _tag: "send_message", content: n }), { startImmediately: true })
      }
      const seeds = client.state().outbox.map(({ seed }) => seed)
      assert.strictEqual(new Set(seeds).size, 50)
      assert.isTrue(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
      assert.isAbove(Math.max(...seeds), 2 ** 31)
    })))

  it.effect("[SYN10] retries when the back-off has passed, and stops with its scope", () =>
    Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      let attempts = 0
      const closeRequested = yield* Deferred.make<void>()
      const clientFiber = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(
          Client.make({
            url: "http://choir.test",
            identity,
            kinds: [roomKind],
            connect: (...args) => {
              attempts += 1
              return unreachable(...args)
            }
          }),
          Deferred.await(closeRequested)
        )),
        { startImmediately: true }
      )
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust(60_000)
      // Back-off 0.5, 1, 2, 4, 8, 16, 20, … s with full jitter: about ten seconds between later attempts.
      assert.isAtLeast(attempts, 5)
      const attemptsBefore = attempts
      yield* Deferred.succeed(closeRequested, undefined)
      yield* Fiber.join(clientFiber)
      yield* TestClock.adjust(60_000)
      assert.strictEqual(attempts, attemptsBefore)
    }))

  it.effect("[SYN10] gives up with a typed reason when no socket can be made, until it is started again", () =>
    Effect.scoped(Effect.gen(function*() {
      let isBroken = true
      const connect: Client.Connect = (...args) => {
        if (isBroken) throw new TypeError("sockets are forbidden here.")
        return unreachable(...args)
      }
      const { client, lobby } = yield* makeClient({ connect })
      assert.deepInclude(endReason(client), {
        code: "socket_unusable",
        message: "No connection can be opened: sockets are forbidden here."
      })
      const command = lobby.send({ _tag: "send_message", content: "never" })
      for (const failing of [Effect.asVoid(command), Effect.asVoid(client.user)]) {
        assert.strictEqual((yield* Effect.flip(failing)).reason.code, "socket_unusable")
      }
      assert.deepStrictEqual(client.state().outbox, [])
      isBroken = false
      client.start()
      assert.strictEqual(client.phase()._tag, "Reconnecting")
    })))

  it.effect("[SYN10] says what to do where there is no WebSocket, and where the address is none", () =>
    Effect.scoped(Effect.gen(function*() {
      const misdirected = yield* makeClient({ url: "ftp://choir.test" })
      assert.strictEqual(endReason(misdirected.client)?.code, "socket_unusable")
      const { WebSocket } = globalThis
      yield* Effect.acquireRelease(
        Effect.sync(() => Reflect.deleteProperty(globalThis, "WebSocket")),
        () => Effect.sync(() => Object.assign(globalThis, { WebSocket }))
      )
      const { client } = yield* makeClient({})
      assert.include(endReason(client)?.message, "Use Node 22 or later")
    })))

  it.effect("[SYN10] withdraws a command that was not sent when its caller stops waiting", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* unconnectedClient
      const sending = yield* Effect.forkChild(
        Effect.timeoutOption(lobby.send({ _tag: "send_message", content: "too late" }), 1_000),
        { startImmediately: true }
      )
      assert.lengthOf(client.state().outbox, 1)
      yield* TestClock.adjust(1_000)
      assert.isTrue(Option.isNone(yield* Fiber.join(sending)))
      assert.lengthOf(client.state().outbox, 0)
    })))

  it.effect("[SYN10] after its scope a command or query fails as closed, and a promise that nobody awaits harms nobody", () =>
    Effect.gen(function*() {
      const unhandled: Array<unknown> = []
      const onUnhandled = (reason: unknown) => void unhandled.push(reason)
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("unhandledRejection", onUnhandled)),
        () => Effect.sync(() => process.off("unhandledRejection", onUnhandled))
      )
      const command = { _tag: "send_message", content: "late" } as const
      const { client, lobby } = yield* Effect.scoped(
        Effect.tap(unconnectedClient, ({ lobby }) => Effect.sync(() => void lobby.sendPromise(command)))
      )
      void lobby.sendPromise(command)
      for (const failing of [Effect.asVoid(lobby.send(command)), Effect.asVoid(client.user)]) {
        assert.strictEqual((yield* Effect.flip(failing)).reason.code, "closed")
      }
      client.start()
      assert.strictEqual(client.phase()._tag, "Disconnected")
      // Node reports rejections once a turn is over.
      yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
      assert.deepStrictEqual(unhandled, [])
    }).pipe(Effect.scoped))
})

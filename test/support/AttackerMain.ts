/**
 * The attacks: `silence`, `flood` or `forgery` against a URL, as a program of its own. Reports its progress as JSON lines
 * (`AttackProcess.ts`).
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array as Arr, Clock, Effect, Fiber, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { writeSync } from "node:fs"
import { attackAddresses, type AttackEvent } from "./AttackProcess.ts"
import { socketUrl } from "./InProcessServer.ts"
import * as RawSocket from "./RawSocket.ts"
import { waitUntil } from "./RoomClients.ts"
import { makeTestUser, openClient, signIn, uuid } from "./TestUsers.ts"

const [attackName, url = "", topic] = process.argv.slice(2)

const emitEvent = (event: AttackEvent) => Effect.sync(() => writeSync(1, `${JSON.stringify(event)}\n`))

/** Number of connections or requests by their outcome. */
const outcomeCounts: Record<string, number> = {}
const countOutcome = (outcome: string): void => {
  outcomeCounts[outcome] = (outcomeCounts[outcome] ?? 0) + 1
}

/** One of 200 loopback addresses, other than the one that bystanders use. */
const localAddress = (n: number): string => `127.0.0.${2 + n % 200}`

/** 2,000 connections that send nothing, and 2,000 slowloris ones that send a byte every half second. */
const holdSilentConnections = Effect.gen(function*() {
  let openCount = 0
  const openConnection = Effect.fnUntraced(function*(n: number) {
    const socket = yield* RawSocket.connectTcp(url, localAddress(n))
    let response = ""
    openCount += 1
    socket.on("data", (piece) => response += piece.toString("latin1"))
    socket.on("close", () => {
      openCount -= 1
      countOutcome(response.split("\r\n", 1)[0]!)
    })
    return socket
  })
  const numbers = Array.from({ length: 2_000 }, (_, n) => n)
  const from = yield* Clock.currentTimeMillis
  yield* Effect.forEach(numbers, openConnection, { concurrency: 100 })
  const dribbling = yield* Effect.forEach(numbers, openConnection, { concurrency: 100 })
  yield* emitEvent({ at: "peak", count: openCount })
  yield* Effect.forkScoped(
    Effect.forEach(
      RawSocket.upgradeRequest("/ws"),
      (letter) =>
        Effect.forEach(Arr.chunksOf(dribbling, 80), (some) =>
          Effect.andThen(
            Effect.sync(() => some.forEach((socket) => socket.writable && socket.write(letter))),
            Effect.sleep(20)
          ))
    )
  )
  yield* waitUntil(() => openCount === 0)
  yield* emitEvent({ at: "end", ends: outcomeCounts, from, to: yield* Clock.currentTimeMillis })
})

const makeMessages = () =>
  Array.from(
    { length: 1_000 },
    () => JSON.stringify({ id: uuid(), type: "send_message", payload: { content: 1 }, timestamp: 0, thread_id: topic })
  )

/** One user opens ten connections a second from many addresses, and sends a thousand messages at once on each. */
const floodMessages = Effect.gen(function*() {
  const attacker = makeTestUser()
  const first = yield* openClient(socketUrl(url), { localAddress: localAddress(0) })
  yield* signIn(first, attacker)
  first.send("join_room", {}, topic)
  yield* first.nextOf("receipt")
  yield* emitEvent({ at: "peak", count: 1 })
  let from = 0
  let to = 0
  const burst = (n: number) =>
    Effect.scoped(Effect.gen(function*() {
      const client = yield* openClient(socketUrl(url), { localAddress: localAddress(n) })
      yield* signIn(client, attacker)
      const texts = makeMessages()
      if (from === 0) from = yield* Clock.currentTimeMillis
      for (const text of texts) client.ws.send(text)
      countOutcome(String(yield* client.closed))
      to = yield* Clock.currentTimeMillis
    }))
  yield* Effect.forEach(
    Array.from({ length: 50 }, (_, n) => n),
    (n) => Effect.forkScoped(burst(n), { startImmediately: true }).pipe(Effect.tap(Effect.sleep(100)))
  ).pipe(Effect.flatMap(Fiber.joinAll))
  yield* emitEvent({ at: "end", ends: outcomeCounts, from, to })
})

/** A connection every ten milliseconds from one of `attackAddresses`, with fifty forged signatures at once. */
const sendForgedSignatures = Effect.gen(function*() {
  const { key } = makeTestUser()
  const message = (type: string, payload: object): RawSocket.RawFrame => ({
    opcode: RawSocket.textOpcode,
    payload: JSON.stringify({ id: uuid(), type, payload, timestamp: 0 })
  })
  const openForgingConnection = (n: number) =>
    Effect.scoped(Effect.gen(function*() {
      const socket = yield* RawSocket.open(url, "/ws", { localAddress: `127.0.0.${2 + n % attackAddresses}` })
      for (let i = 0; i < 50; i++) {
        const signature = randomBytes(64).toString("base64url")
        socket.send(message("connect", { public_key: key }), message("auth", { signature }))
      }
      for (let answered = 0; answered < 50;) {
        for (const [, message] of (yield* socket.nextFrame).payload.toString().matchAll(/"message":"([^"]+)"/g)) {
          answered += 1
          countOutcome(message!)
        }
      }
    }))
  yield* emitEvent({ at: "peak", count: 1 })
  const from = yield* Clock.currentTimeMillis
  yield* Effect.forEach(
    Array.from({ length: 1_000 }, (_, n) => n),
    (n) => Effect.forkScoped(openForgingConnection(n), { startImmediately: true }).pipe(Effect.tap(Effect.sleep(10)))
  ).pipe(Effect.flatMap(Fiber.joinAll))
  yield* emitEvent({ at: "end", ends: outcomeCounts, from, to: yield* Clock.currentTimeMillis })
})

const attacks: Readonly<Record<string, Effect.Effect<void, number, Scope.Scope>>> = {
  silence: holdSilentConnections,
  flood: floodMessages,
  forgery: sendForgedSignatures
}

NodeRuntime.runMain(Effect.scoped(attacks[attackName ?? ""] ?? Effect.die(`no attack: ${attackName}`)))

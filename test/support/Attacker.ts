/**
 * A crowd that means harm, in a process of its own, so that what it does costs nobody but the server: `silence`,
 * `flood` or `forgery` against a URL. Says what became of it in lines of JSON (`Attack.ts`).
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array as Arr, Clock, Effect, Fiber, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { writeSync } from "node:fs"
import type { Said } from "./Attack.ts"
import { holds } from "./Members.ts"
import { open, person, signIn, uuid } from "./People.ts"
import * as Raw from "./RawSocket.ts"
import { socketOf } from "./Whole.ts"

const [what, url = "", topic] = process.argv.slice(2)

const say = (said: Said) => Effect.sync(() => writeSync(1, `${JSON.stringify(said)}\n`))

/** How often something ended in which way. */
const ends: Record<string, number> = {}
const ended = (how: string): void => {
  ends[how] = (ends[how] ?? 0) + 1
}

/** One of a few hundred addresses of this machine, none of them the first. */
const address = (n: number): string => `127.0.0.${2 + n % 200}`

/** 2,000 that say nothing, and 2,000 that say a letter every half second. */
const silence = Effect.gen(function*() {
  let left = 0
  const come = Effect.fnUntraced(function*(n: number) {
    const socket = yield* Raw.tcp(url, address(n))
    let heard = ""
    left += 1
    socket.on("data", (piece) => heard += piece.toString("latin1"))
    socket.on("close", () => {
      left -= 1
      ended(heard.split("\r\n", 1)[0]!)
    })
    return socket
  })
  const numbers = Array.from({ length: 2_000 }, (_, n) => n)
  const from = yield* Clock.currentTimeMillis
  yield* Effect.forEach(numbers, come, { concurrency: 100 })
  const dribbling = yield* Effect.forEach(numbers, come, { concurrency: 100 })
  yield* say({ at: "height", count: left })
  yield* Effect.forkScoped(
    Effect.forEach(
      Raw.request("/ws"),
      (letter) =>
        Effect.forEach(Arr.chunksOf(dribbling, 80), (some) =>
          Effect.andThen(
            Effect.sync(() => some.forEach((socket) => socket.writable && socket.write(letter))),
            Effect.sleep(20)
          ))
    )
  )
  yield* holds(() => left === 0)
  yield* say({ at: "end", ends, from, to: yield* Clock.currentTimeMillis })
})

const messages = () =>
  Array.from(
    { length: 1_000 },
    () => JSON.stringify({ id: uuid(), type: "send_message", payload: { content: 1 }, timestamp: 0, thread_id: topic })
  )

/** One key, ten times a second on a connection of its own from elsewhere, with a thousand messages at once each time. */
const flood = Effect.gen(function*() {
  const eve = person()
  const first = yield* open(socketOf(url), { localAddress: address(0) })
  yield* signIn(first, eve)
  first.send("join_room", {}, topic)
  yield* first.nextOf("receipt")
  yield* say({ at: "height", count: 1 })
  let from = 0
  let to = 0
  const burst = (n: number) =>
    Effect.scoped(Effect.gen(function*() {
      const client = yield* open(socketOf(url), { localAddress: address(n) })
      yield* signIn(client, eve)
      const texts = messages()
      if (from === 0) from = yield* Clock.currentTimeMillis
      for (const text of texts) client.ws.send(text)
      ended(String(yield* client.closed))
      to = yield* Clock.currentTimeMillis
    }))
  yield* Effect.forEach(
    Array.from({ length: 50 }, (_, n) => n),
    (n) => Effect.forkScoped(burst(n), { startImmediately: true }).pipe(Effect.tap(Effect.sleep(100)))
  ).pipe(Effect.flatMap(Fiber.joinAll))
  yield* say({ at: "end", ends, from, to })
})

/** Every ten milliseconds somebody else from one of a hundred addresses, with fifty bad signatures at once. */
const forgery = Effect.gen(function*() {
  const { key } = person()
  const message = (type: string, payload: object): Raw.Shape => ({
    opcode: Raw.text,
    payload: JSON.stringify({ id: uuid(), type, payload, timestamp: 0 })
  })
  const come = (n: number) =>
    Effect.scoped(Effect.gen(function*() {
      const socket = yield* Raw.open(url, "/ws", { localAddress: `127.0.0.${2 + n % 100}` })
      for (let i = 0; i < 50; i++) {
        const signature = randomBytes(64).toString("base64url")
        socket.send(message("connect", { public_key: key }), message("auth", { signature }))
      }
      for (let answered = 0; answered < 50;) {
        for (const [, code] of (yield* socket.next).payload.toString().matchAll(/"code":"(\w+)"/g)) {
          answered += 1
          ended(code!)
        }
      }
    }))
  yield* say({ at: "height", count: 1 })
  const from = yield* Clock.currentTimeMillis
  yield* Effect.forEach(
    Array.from({ length: 1_000 }, (_, n) => n),
    (n) => Effect.forkScoped(come(n), { startImmediately: true }).pipe(Effect.tap(Effect.sleep(10)))
  ).pipe(Effect.flatMap(Fiber.joinAll))
  yield* say({ at: "end", ends, from, to: yield* Clock.currentTimeMillis })
})

const attacks: Readonly<Record<string, Effect.Effect<void, number, Scope.Scope>>> = { silence, flood, forgery }

NodeRuntime.runMain(Effect.scoped(attacks[what ?? ""] ?? Effect.die(`no attack: ${what}`)))

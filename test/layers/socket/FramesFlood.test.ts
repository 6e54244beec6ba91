import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { open, person, signIn } from "../../support/People.ts"
import * as Raw from "../../support/RawSocket.ts"
import { folder, type ServerProcess, start } from "../../support/ServerProcess.ts"
import { socketOf, whole } from "../../support/Whole.ts"

/** A server of its own process, so that its memory is its own. */
const apart = Effect.flatMap(folder, (data) =>
  start({
    data,
    main: "src/main.ts",
    env: { CHOIR_METRICS: "public", CHOIR_CONNECTIONS_PER_ADDRESS: "1000", CHOIR_CONNECTIONS_PER_USER: "100" }
  }))

/** Megabytes that it holds. */
const memory = ({ url }: ServerProcess) =>
  Effect.map(
    Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text())),
    (text) => Number(/^choir_process_resident_bytes (\d+)/m.exec(text)![1]) / 1_048_576
  )

/** Somebody signs in and is answered. */
const serves = (url: string) =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* open(socketOf(url))
    assert.strictEqual((yield* signIn(client, person())).type, "init")
  }))

describe("floods", () => {
  it.live("[SEC13] a million fragments of one byte cost no memory", () =>
    Effect.gen(function*() {
      const server = yield* apart
      yield* serves(server.url)
      const before = yield* memory(server)
      const pieces = Buffer.concat(
        Array.from({ length: 16_384 }, () => Raw.frame({ opcode: Raw.continuation, fin: false, payload: "x" }))
      )
      for (let i = 0; i < 64; i++) {
        const socket = yield* Raw.open(server.url, "/ws")
        socket.send({ opcode: Raw.text, fin: false, payload: "x" })
        socket.tcp.write(pieces)
        assert.strictEqual(yield* socket.closed, 1008)
      }
      assert.isBelow((yield* memory(server)) - before, 48)
      yield* serves(server.url)
    }).pipe(Effect.scoped))

  it.live("[SEC14] who floods with pings and does not read the pongs is cut", () =>
    Effect.gen(function*() {
      const server = yield* apart
      yield* serves(server.url)
      const before = yield* memory(server)
      const socket = yield* Raw.open(server.url, "/ws")
      socket.tcp.pause()
      const pings = Buffer.concat(
        Array.from({ length: 1_000 }, () => Raw.frame({ opcode: Raw.ping, payload: "x".repeat(125) }))
      )
      yield* Effect.callback<void>((resume) => {
        const pump = () => {
          while (socket.tcp.writable && socket.tcp.write(pings));
        }
        socket.tcp.once("close", () => resume(Effect.void))
        socket.tcp.on("drain", pump)
        pump()
      })
      assert.isBelow((yield* memory(server)) - before, 48)
      yield* serves(server.url)
    }).pipe(Effect.scoped))

  it.live("[SEC24] five hundred connections from one address leave the other addresses alone", () =>
    Effect.gen(function*() {
      const url = yield* whole()
      const sockets = yield* Effect.forEach(Array.from({ length: 500 }), () => Raw.open(url, "/ws"), {
        concurrency: 50
      })
      const taken = sockets.filter(({ upgrade }) => upgrade.startsWith("HTTP/1.1 101 "))
      assert.strictEqual(taken.length, 64)
      assert.isTrue(sockets.every((one) => taken.includes(one) || one.upgrade.startsWith("HTTP/1.1 429 ")))
      const { upgrade } = yield* Raw.open(url, "/ws", { localAddress: "127.0.0.2" })
      assert.match(upgrade, /^HTTP\/1\.1 101 /)
      taken[0]!.tcp.end()
      yield* Raw.gone(taken[0]!.tcp)
      yield* serves(url)
    }).pipe(Effect.scoped))
})

describe("the slow", () => {
  const patience = { CHOIR_HEADERS_TIMEOUT: "300", CHOIR_REQUEST_TIMEOUT: "500", CHOIR_AUTH_TIMEOUT: "300" }

  it.live("[SEC23] who says nothing, or not all of a request, is cut; others are served", () =>
    Effect.gen(function*() {
      const url = yield* whole(patience)
      const silent = yield* Raw.tcp(url)
      const half = yield* Raw.tcp(url)
      half.write(Raw.request("/ws").slice(0, -2))
      const body = yield* Raw.tcp(url)
      body.write("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx")
      const dribbling = yield* Raw.tcp(url)
      yield* Effect.forkScoped(Effect.gen(function*() {
        for (const letter of Raw.request("/ws")) {
          dribbling.write(letter)
          yield* Effect.sleep(50)
        }
      }))
      yield* serves(url)
      for (const socket of [silent, half, body, dribbling]) {
        socket.resume()
        yield* Raw.gone(socket)
      }
    }).pipe(Effect.scoped))

  it.live("[SEC23] [AUT3] who upgrades and then says nothing is closed with 4408", () =>
    Effect.gen(function*() {
      const url = yield* whole(patience)
      assert.strictEqual(yield* (yield* Raw.open(url, "/ws")).closed, 4408)
    }).pipe(Effect.scoped))
})

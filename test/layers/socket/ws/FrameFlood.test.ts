import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { socketUrl, startInProcessServer } from "../../../support/InProcessServer.ts"
import * as Inspector from "../../../support/Inspector.ts"
import * as RawSocket from "../../../support/RawSocket.ts"
import { startServer, temporaryFolder } from "../../../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../../../support/TestUsers.ts"

/** A server in a process of its own, and its memory after a garbage collection, in megabytes. */
const startSeparateServer = Effect.fnUntraced(function*(settings: Readonly<Record<string, string>> = {}) {
  const server = yield* startServer({
    data: yield* temporaryFolder,
    main: "src/main.ts",
    nodeArgs: Inspector.nodeArgs,
    env: { CHOIR_CONNECTIONS_PER_ADDRESS: "1000", CHOIR_CONNECTIONS_PER_USER: "100", ...settings }
  })
  const inspector = yield* Inspector.inspect(server)
  const memory = Effect.map(inspector.memory, ({ external, heapUsed }) => (heapUsed + external) / 1_048_576)
  yield* assertServes(server.url)
  return { url: server.url, memory, before: yield* memory }
})

/** Megabytes that an attack may cost (docs/SPEC.md, SEC12 to SEC15). */
const maxGrowthMegabytes = 5

/** A client can sign in. */
const assertServes = (url: string) =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* openClient(socketUrl(url))
    assert.strictEqual((yield* signIn(client, makeTestUser())).type, "init")
  }))

describe("memory under floods of frames", () => {
  it.live("[SEC12] oversized messages end with 1009 and are not buffered", () =>
    Effect.gen(function*() {
      const { before, memory, url } = yield* startSeparateServer()
      const large = { opcode: RawSocket.textOpcode, payload: "x".repeat(65_537) }
      for (let i = 0; i < 200; i++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const socket = yield* RawSocket.open(url, "/ws")
          // Alternately a larger length is declared, of which nothing is sent.
          socket.send(i % 2 === 0 ? large : { ...large, length: 2n ** 40n })
          assert.strictEqual(yield* socket.nextCloseCode, 1009)
          socket.tcp.end()
          yield* RawSocket.awaitClosed(socket.tcp)
        }))
      }
      assert.isBelow((yield* memory) - before, maxGrowthMegabytes)
      yield* assertServes(url)
    }).pipe(Effect.scoped))

  it.live("[SEC13] fragments of one byte cost less than 5 MiB: beyond the limit, and held within it", () =>
    Effect.gen(function*() {
      const { before, memory, url } = yield* startSeparateServer()
      const piece = { opcode: RawSocket.continuationOpcode, fin: false, payload: "x" }
      const start = { ...piece, opcode: RawSocket.textOpcode }
      const pieces = Buffer.concat(Array.from({ length: 16_384 }, () => RawSocket.encodeFrame(piece)))
      const sockets = yield* Effect.replicateEffect(RawSocket.open(url, "/ws"), 20)
      for (const socket of sockets) {
        socket.send(start)
        socket.tcp.write(pieces)
      }
      for (const socket of sockets) assert.strictEqual(yield* socket.nextCloseCode, 1008)
      // As many as are allowed, of a message that does not end.
      for (const socket of yield* Effect.replicateEffect(RawSocket.open(url, "/ws"), 20)) {
        socket.send(start, ...Array.from({ length: 63 }, () => piece), { opcode: RawSocket.pingOpcode })
        assert.strictEqual((yield* socket.nextFrame).opcode, RawSocket.pongOpcode)
      }
      assert.isBelow((yield* memory) - before, maxGrowthMegabytes)
      yield* assertServes(url)
    }).pipe(Effect.scoped))

  it.live("[SEC14] a peer that floods with pings and reads no pong is terminated", () =>
    Effect.gen(function*() {
      const { before, memory, url } = yield* startSeparateServer()
      const socket = yield* RawSocket.open(url, "/ws")
      socket.tcp.pause()
      const pings = Buffer.concat(
        Array.from({ length: 1_000 }, () =>
          RawSocket.encodeFrame({ opcode: RawSocket.pingOpcode, payload: "x".repeat(125) }))
      )
      let sent = 0
      yield* Effect.callback<void>((resume) => {
        const pump = () => {
          do sent += 1_000
          while (socket.tcp.writable && socket.tcp.write(pings))
        }
        socket.tcp.once("close", () =>
          resume(Effect.void))
        socket.tcp.on("drain", pump)
        pump()
      })
      assert.isBelow(sent, 600_000)
      assert.isBelow((yield* memory) - before, maxGrowthMegabytes)
      yield* assertServes(url)
    }).pipe(Effect.scoped))
})

describe("memory under compression and random frames", () => {
  it.live("[SEC15] [CON9] a compressing connection retains no more memory than a plain one", () =>
    Effect.gen(function*() {
      const { memory, url } = yield* startSeparateServer({ CHOIR_COMPRESSION: "1", CHOIR_METRICS: "off" })
      const count = 300
      const retained = Effect.fnUntraced(function*(perMessageDeflate: false | { readonly threshold: number }) {
        const before = yield* memory
        const clients = yield* Effect.replicateEffect(openClient(socketUrl(url), { perMessageDeflate }), count)
        for (const client of clients) {
          client.send("heartbeat")
          assert.strictEqual((yield* client.next).type, "heartbeat")
        }
        return ((yield* memory) - before) * 1_024 / count
      })
      const plain = yield* retained(false)
      // Messages were inflated; a retained window would be 40 KB.
      assert.isBelow((yield* retained({ threshold: 0 })) - plain, 8)
    }).pipe(Effect.scoped))

  it.live("[SEC21] 100,000 random frames, valid and invalid, cost no memory", () =>
    Effect.gen(function*() {
      const { memory, url } = yield* startSeparateServer({ CHOIR_ECHO: "1" })
      let seed = 1
      /** A pseudo-random whole number below `n`. */
      const random = (n: number) => {
        seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0
        return Math.floor(seed / 4_294_967_296 * n)
      }
      const fuzzed = (): RawSocket.RawFrame => {
        const payload = Uint8Array.from({ length: random(10) === 0 ? random(300) : random(20) }, () => random(256))
        if (random(50) > 0) {
          return {
            opcode: random(2) === 0 ? RawSocket.pingOpcode : RawSocket.binaryOpcode,
            payload: payload.subarray(0, 125)
          }
        }
        return {
          opcode: random(16),
          payload,
          fin: random(2) === 0,
          rsv: random(8),
          masked: random(2) === 0,
          ...random(4) === 0 ? { length: BigInt(random(2 ** 31)) ** BigInt(1 + random(2)) } : {}
        }
      }
      const attack = (path: string) =>
        Effect.scoped(Effect.gen(function*() {
          const socket = yield* RawSocket.open(url, path)
          socket.send(...Array.from({ length: 50 }, fuzzed))
          socket.tcp.end()
          yield* RawSocket.awaitClosed(socket.tcp)
        }))
      const attacks = (count: number) =>
        Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          (i) => attack(i % 4 === 0 ? "/ws" : "/echo"),
          { concurrency: 16, discard: true }
        )
      // Warm up: code and caches.
      yield* attacks(200)
      const before = yield* memory
      yield* attacks(2_000)
      assert.isBelow((yield* memory) - before, maxGrowthMegabytes)
      yield* assertServes(url)
    }).pipe(Effect.scoped))
})

describe("floods of connections", () => {
  it.live("[SEC24] of 500 connections from one address 64 are admitted, and other addresses are not affected", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      const sockets = yield* Effect.forEach(Array.from({ length: 500 }), () => RawSocket.open(url, "/ws"), {
        concurrency: 50
      })
      const admitted = sockets.filter(({ upgrade }) => upgrade.startsWith("HTTP/1.1 101 "))
      assert.strictEqual(admitted.length, 64)
      assert.isTrue(sockets.every((socket) => admitted.includes(socket) || socket.upgrade.startsWith("HTTP/1.1 429 ")))
      const { upgrade } = yield* RawSocket.open(url, "/ws", { localAddress: "127.0.0.2" })
      assert.match(upgrade, /^HTTP\/1\.1 101 /)
      admitted[0]!.tcp.end()
      yield* RawSocket.awaitClosed(admitted[0]!.tcp)
      yield* assertServes(url)
    }).pipe(Effect.scoped))
})

describe("slow requests", () => {
  const shortTimeouts = { CHOIR_HEADERS_TIMEOUT: "2000", CHOIR_REQUEST_TIMEOUT: "2500", CHOIR_AUTH_TIMEOUT: "2000" }

  it.live("[SEC23] silent and dribbling connections are closed while others are served", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer(shortTimeouts)
      const silent = yield* RawSocket.connectTcp(url)
      const half = yield* RawSocket.connectTcp(url)
      half.write(RawSocket.upgradeRequest("/ws").slice(0, -2))
      const body = yield* RawSocket.connectTcp(url)
      body.write("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx")
      const dribbling = yield* RawSocket.connectTcp(url)
      yield* Effect.forkScoped(Effect.gen(function*() {
        for (const letter of RawSocket.upgradeRequest("/ws")) {
          dribbling.write(letter)
          yield* Effect.sleep(50)
        }
      }))
      yield* assertServes(url)
      for (const socket of [silent, half, body, dribbling]) {
        socket.resume()
        yield* RawSocket.awaitClosed(socket)
      }
    }).pipe(Effect.scoped))

  it.live("[SEC23] [AUT3] a connection that does not authenticate is closed with 4408", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer(shortTimeouts)
      assert.strictEqual(yield* (yield* RawSocket.open(url, "/ws")).nextCloseCode, 4408)
    }).pipe(Effect.scoped))
})

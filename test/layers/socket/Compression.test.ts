import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { TopicId } from "../../../src/domain/Ids.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Compression from "../../../src/layers/socket/Compression.ts"
import { textFrame } from "../../../src/layers/socket/TextFrame.ts"
import * as Frames from "../../../src/services/Frame.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { listening, open } from "../../support/People.ts"
import * as Raw from "../../support/RawSocket.ts"
import * as WsEngine from "./WsEngine.ts"

type Frame = Frames.Frame

const listen = Effect.gen(function*() {
  return { ...yield* WsEngine.listen, url: yield* listening }
})

const raw = (url: string, offer?: string) =>
  Raw.open(url, "/ws", offer === undefined ? {} : { headers: [`Sec-WebSocket-Extensions: ${offer}`] })

const deflate = "permessage-deflate"

const frame = (text: string): Frame => ({ text, lane: { _tag: "Reply" } })

/** A text as long as that in UTF-8, alike enough to be worth compressing. */
const words = (length: number): string => "so it is said, ".repeat(length / 15 + 1).slice(0, length)

/** A text as long as that which gets less than ten times smaller. */
const varied = (length: number): string =>
  Array.from({ length: length / 6 + 1 }, (_, n) => (n * 7919 % 100_003).toString(36).padStart(6)).join("").slice(
    0,
    length
  )

const packed = (text: string): Uint8Array =>
  deflateRawSync(text, { level: 9, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)

const compressed = (text: string): Raw.Shape => ({ opcode: Raw.text, rsv: 4, payload: packed(text) })

const read = ({ payload, rsv }: Raw.Heard): string =>
  rsv === 0 ? payload.toString() : inflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).toString()

/** What the server writes to raw sockets from here on, in order. */
const written = Effect.gen(function*() {
  const writes: Array<unknown> = []
  const server = yield* Server.HttpListener
  server.prependListener("upgrade", (_request, socket) => {
    const write = socket.write.bind(socket)
    socket.write = (chunk: unknown) => {
      writes.push(chunk)
      return write(chunk)
    }
  })
  return writes
})

describe("what is agreed to", () => {
  it.effect("[CON9] [SEC15] nothing, unless it is switched on", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const socket = yield* raw(url, deflate)
      assert.notMatch(socket.upgrade, /extensions/i)
      ;(yield* connection).deliver(frame(words(2_000)))
      assert.strictEqual((yield* socket.next).rsv, 0)
      socket.send(compressed("hello"))
      assert.strictEqual(yield* socket.closed, closeCode.protocolError)
    }).pipe(Effect.provide(WsEngine.engine({ compression: false }))))

  it.effect("[CON9] no context on either side, when it is on and offered", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const offered = yield* raw(url, `${deflate}; client_max_window_bits`)
      assert.match(
        offered.upgrade,
        /\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover$/m
      )
      yield* connection
      const plain = yield* raw(url)
      assert.notMatch(plain.upgrade, /extensions/i)
      ;(yield* connection).deliver(frame(words(2_000)))
      assert.deepInclude(yield* plain.next, { rsv: 0, payload: Buffer.from(words(2_000)) })
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] [SEC15] a compressed frame of who did not agree on it ends in 1002", () =>
    Effect.gen(function*() {
      const { url } = yield* listen
      const socket = yield* raw(url)
      socket.send(compressed("hello"))
      assert.strictEqual(yield* socket.closed, closeCode.protocolError)
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] who has room for a small window only is served plain", () =>
    Effect.gen(function*() {
      const { connection, text, url } = yield* listen
      const socket = yield* raw(url, `${deflate}; server_max_window_bits=10`)
      assert.match(socket.upgrade, /server_max_window_bits=10/)
      ;(yield* connection).deliver(frame(words(2_000)))
      assert.strictEqual((yield* socket.next).rsv, 0)
      socket.send(compressed("hello"))
      assert.strictEqual(yield* text, "hello")
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))
})

describe("what goes out", () => {
  it.effect.each([
    { length: 1_023, rsv: 0 },
    { length: 1_024, rsv: 4 },
    { length: 262_144, rsv: 4 },
    // A thousand of these at once would hold the process up for seconds.
    { length: 262_145, rsv: 0 }
  ])("[CON9] a text of $length bytes has the reserved bits $rsv", ({ length, rsv }) =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const socket = yield* raw(url, deflate)
      ;(yield* connection).deliver(frame(words(length)))
      const heard = yield* socket.next
      assert.deepInclude(heard, { opcode: Raw.text, rsv })
      assert.strictEqual(read(heard), words(length))
      if (rsv !== 0) assert.isBelow(heard.payload.length, length / 10)
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] a text that does not get smaller is sent as it is", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const socket = yield* raw(url, deflate)
      // Every character once: nothing repeats, and all are about as frequent.
      const noise = String.fromCodePoint(...Array.from({ length: 5_000 }, (_, n) => 0x4e00 + n * 7919 % 20_000))
      ;(yield* connection).deliver(frame(noise))
      const heard = yield* socket.next
      assert.strictEqual(read(heard), noise)
      assert.isAtMost(heard.payload.length, Buffer.byteLength(noise))
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] [SYN9] a broadcast is compressed once, for whoever takes it compressed", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const writes = yield* written
      const sockets = [yield* raw(url, deflate), yield* raw(url, deflate), yield* raw(url), yield* raw(url, deflate)]
      for (const _ of sockets) yield* connection
      writes.length = 0
      const socket = yield* Socket
      assert.strictEqual(yield* socket.broadcast(words(5_000)), 4)
      const heard: Array<Raw.Heard> = []
      for (const one of sockets) heard.push(yield* one.next)
      assert.deepStrictEqual(heard.map(({ rsv }) => rsv), [4, 4, 0, 4])
      assert.deepStrictEqual(heard.map(read), sockets.map(() => words(5_000)))
      assert.lengthOf(writes, 4)
      // The very same bytes, not equal ones.
      assert.strictEqual(new Set(writes).size, 2)
      assert.strictEqual(writes[1], writes[0])
      assert.strictEqual(writes[3], writes[0])
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] [CON2] large and small texts of one turn keep their order, in one write", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listen
      const writes = yield* written
      const socket = yield* raw(url, deflate)
      const one = yield* connection
      const texts = [10, 5_000, 300_000, 20, 1_024, 2_000].map((length, n) => `${n} ${words(length)}`)
      writes.length = 0
      for (const text of texts) one.deliver(frame(text))
      for (const text of texts) assert.strictEqual(read(yield* socket.next), text)
      assert.lengthOf(writes, 1)
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))

  it.effect("[CON9] an ordinary client reads everything, and is understood", () =>
    Effect.gen(function*() {
      const { connection, text, url } = yield* listen
      const client = yield* open(url, { perMessageDeflate: { threshold: 0 } })
      assert.strictEqual(client.ws.extensions, deflate)
      const one = yield* connection
      for (const length of [1, 1_500, 70_000, 1_100, 400_000]) {
        const value = { n: length, text: words(length), more: "Gr\u00fc\u00dfe \u{1d11e}" }
        one.deliver(frame(JSON.stringify(value)))
        assert.deepStrictEqual<unknown>(yield* client.next, value)
        const said = JSON.stringify({ n: length, text: words(Math.min(length, 4_000)) })
        client.ws.send(said)
        assert.strictEqual(yield* text, said)
      }
      client.ws.close(1000)
      assert.strictEqual(yield* client.closed, 1000)
    }).pipe(Effect.provide(WsEngine.engine({ compression: true }))))
})

/** Somebody who takes compressed texts, for a test to end; and somebody else, who has to be served afterwards. */
const pair = <E>(use: (socket: Raw.RawSocket, text: Effect.Effect<string>) => Effect.Effect<void, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const { text, url } = yield* listen
    const bystander = yield* raw(url, deflate)
    yield* use(yield* raw(url, deflate), text)
    bystander.send(compressed("still here"))
    assert.strictEqual(yield* text, "still here")
  }).pipe(Effect.provide(WsEngine.engine({ compression: true })))

describe("what comes in", () => {
  it.effect.each([
    { bomb: "a million bytes", text: "x".repeat(1_000_000) },
    { bomb: "64 KB of a few dozen bytes", text: "x".repeat(65_536) },
    { bomb: "64 KB of 1 KB", text: words(20_000) + "x".repeat(45_536) },
    { bomb: "a little more than is harmless", text: "x".repeat(4_097) }
  ])(
    "[CON9] [SEC15] a bomb ends in 1009, and nobody else notices: $bomb",
    ({ text }) =>
      pair((socket) =>
        Effect.gen(function*() {
          socket.send(compressed(text))
          assert.strictEqual(yield* socket.closed, closeCode.tooLarge)
        })
      )
  )

  it.effect("[CON9] [SEC15] a bomb in fragments is found before it is whole", () =>
    pair((socket) =>
      Effect.gen(function*() {
        const bytes = packed("x".repeat(60_000))
        socket.send({ opcode: Raw.text, rsv: 4, fin: false, payload: bytes.subarray(0, 8) })
        socket.send({ opcode: Raw.continuation, fin: false, payload: bytes.subarray(8) })
        assert.strictEqual(yield* socket.closed, closeCode.tooLarge)
      })
    ))

  it.effect("[CON9] [SEC12] more than 64 KB is too large, however little it was compressed", () =>
    pair((socket) =>
      Effect.gen(function*() {
        const text = varied(65_537)
        assert.isBelow(text.length, packed(text).length * 10)
        socket.send(compressed(text))
        assert.strictEqual(yield* socket.closed, closeCode.tooLarge)
      })
    ))

  it.effect.each([
    { what: "a harmless text that repeats itself", text: "x".repeat(4_096) },
    { what: "an empty text", text: "" },
    { what: "64 KB within the ratio", text: varied(65_536) }
  ])(
    "[CON9] $what is heard, whole and in fragments, again and again",
    ({ text }) =>
      pair((socket, heard) =>
        Effect.gen(function*() {
          const bytes = packed(text)
          for (let i = 0; i < 3; i++) {
            socket.send(compressed(text))
            assert.strictEqual(yield* heard, text)
            const half = bytes.length >> 1
            socket.send({ opcode: Raw.text, rsv: 4, fin: false, payload: bytes.subarray(0, half) })
            socket.send({ opcode: Raw.ping }, { opcode: Raw.continuation, payload: bytes.subarray(half) })
            assert.strictEqual(yield* heard, text)
          }
          socket.send({ opcode: Raw.text, payload: "plain" })
          assert.strictEqual(yield* heard, "plain")
        })
      )
  )

  it.effect("[CON9] [SEC21] bytes that nothing inflates to end in 1007", () =>
    pair((socket) =>
      Effect.gen(function*() {
        socket.send({ opcode: Raw.text, rsv: 4, payload: Uint8Array.of(0xff, 0xff, 0xff, 0xff) })
        assert.strictEqual(yield* socket.closed, closeCode.invalidText)
      })
    ))

  it.effect.each([
    { what: "a ping", shape: { opcode: Raw.ping, rsv: 4 } },
    { what: "a continuation", shape: { opcode: Raw.continuation, rsv: 4 } }
  ])(
    "[CON9] [SEC21] $what that says it is compressed ends in 1002",
    ({ shape }) =>
      pair((socket) =>
        Effect.gen(function*() {
          socket.send({ opcode: Raw.text, fin: false, payload: "a" }, shape)
          assert.strictEqual(yield* socket.closed, closeCode.protocolError)
        })
      )
  )
})

describe("messages that share a frame", () => {
  it("[CON9] [SYN9] are frames of their own for who understands compression too", () => {
    const topic = TopicId.make("room:t")
    const signal = (text: string): Frame => ({ text, lane: { _tag: "Ephemeral", topic, key: text } })
    const first = signal(words(800))
    const run = Frames.run()
    Frames.begin(run, first)
    assert.isTrue(Frames.join(run, signal(words(801))))
    Frames.seal(first)
    assert.deepStrictEqual(
      Compression.packed(first),
      Buffer.concat([words(800), words(801)].map((text) => textFrame(text)))
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"
import { closeCode } from "../../../../src/domain/connection/CloseCode.ts"
import { TopicId } from "../../../../src/domain/protocol/Ids.ts"
import * as FrameBatch from "../../../../src/layers/delivery/FrameBatch.ts"
import { encodeTextFrame } from "../../../../src/layers/delivery/TextFrame.ts"
import * as Compression from "../../../../src/layers/socket/core/Compression.ts"
import type { OutboundFrame } from "../../../../src/services/OutboundFrame.ts"
import { Socket } from "../../../../src/services/Socket.ts"
import * as RawSocket from "../../../support/RawSocket.ts"
import { openClient, startListening } from "../../../support/TestUsers.ts"
import * as SocketWsFixture from "../ws/SocketWsFixture.ts"

const listenWithUrl = Effect.gen(function*() {
  return { ...yield* SocketWsFixture.recordEvents, url: yield* startListening }
})

const openRaw = (url: string, offer?: string) =>
  RawSocket.open(url, "/ws", offer === undefined ? {} : { headers: [`Sec-WebSocket-Extensions: ${offer}`] })

const compressingEngine = SocketWsFixture.wsEngine({ compression: true })

const deflate = "permessage-deflate"

const replyFrame = (text: string): OutboundFrame => ({ text, lane: { _tag: "Reply" } })

/** A compressible text of `length` bytes. */
const repetitiveText = (length: number): string => "so it is said, ".repeat(length / 15 + 1).slice(0, length)

/** A text as long as that which gets less than ten times smaller. */
const variedText = (length: number): string =>
  Array.from({ length: length / 6 + 1 }, (_, n) => (n * 7919 % 100_003).toString(36).padStart(6)).join("").slice(
    0,
    length
  )

const deflateText = (text: string, level = 9): Uint8Array =>
  deflateRawSync(text, { level, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)

const compressedFrame = (text: string): RawSocket.RawFrame => ({
  opcode: RawSocket.textOpcode,
  rsv: 4,
  payload: deflateText(text)
})

const readText = ({ payload, rsv }: RawSocket.ReceivedFrame): string =>
  rsv === 0 ? payload.toString() : inflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).toString()

describe("negotiation of permessage-deflate", () => {
  it.effect("[CON9] [SEC15] nothing is negotiated unless compression is on", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const socket = yield* openRaw(url, deflate)
      assert.notMatch(socket.upgrade, /extensions/i)
      ;(yield* connection).deliver(replyFrame(repetitiveText(2_000)))
      assert.strictEqual((yield* socket.nextFrame).rsv, 0)
      socket.send(compressedFrame("hello"))
      assert.strictEqual(yield* socket.nextCloseCode, closeCode.protocolError)
    }).pipe(Effect.provide(SocketWsFixture.wsEngine({ compression: false }))))

  it.effect("[CON9] no context takeover on either side when compression is on and offered", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const offered = yield* openRaw(url, `${deflate}; client_max_window_bits`)
      assert.match(
        offered.upgrade,
        /\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover$/m
      )
      yield* connection
      const plain = yield* openRaw(url)
      assert.notMatch(plain.upgrade, /extensions/i)
      ;(yield* connection).deliver(replyFrame(repetitiveText(2_000)))
      assert.deepInclude(yield* plain.nextFrame, { rsv: 0, payload: Buffer.from(repetitiveText(2_000)) })
    }).pipe(Effect.provide(compressingEngine)))

  it.effect("[CON9] [SEC15] a compressed frame without negotiation ends in 1002", () =>
    Effect.gen(function*() {
      const { url } = yield* listenWithUrl
      const socket = yield* openRaw(url)
      socket.send(compressedFrame("hello"))
      assert.strictEqual(yield* socket.nextCloseCode, closeCode.protocolError)
    }).pipe(Effect.provide(compressingEngine)))

  it.effect("[CON9] a peer with a smaller window gets uncompressed frames", () =>
    Effect.gen(function*() {
      const { connection, text, url } = yield* listenWithUrl
      const socket = yield* openRaw(url, `${deflate}; server_max_window_bits=10`)
      assert.match(socket.upgrade, /server_max_window_bits=10/)
      ;(yield* connection).deliver(replyFrame(repetitiveText(2_000)))
      assert.strictEqual((yield* socket.nextFrame).rsv, 0)
      socket.send(compressedFrame("hello"))
      assert.strictEqual(yield* text, "hello")
    }).pipe(Effect.provide(compressingEngine)))
})

describe("outgoing compressed frames", () => {
  it.effect.each([
    { length: 1_023, rsv: 0 },
    { length: 1_024, rsv: 4 },
    { length: 262_144, rsv: 4 },
    // A thousand of these at once would hold the process up for seconds.
    { length: 262_145, rsv: 0 }
  ])("[CON9] a text of $length bytes has the reserved bits $rsv", ({ length, rsv }) =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const socket = yield* openRaw(url, deflate)
      ;(yield* connection).deliver(replyFrame(repetitiveText(length)))
      const frame = yield* socket.nextFrame
      assert.deepInclude(frame, { opcode: RawSocket.textOpcode, rsv })
      assert.strictEqual(readText(frame), repetitiveText(length))
      if (rsv !== 0) assert.isBelow(frame.payload.length, length / 10)
    }).pipe(Effect.provide(compressingEngine)))

  it.effect("[CON9] a text is compressed with level 1", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const socket = yield* openRaw(url, deflate)
      const text = variedText(20_000)
      ;(yield* connection).deliver(replyFrame(text))
      const { payload } = yield* socket.nextFrame
      assert.deepStrictEqual(payload, Buffer.from(deflateText(text, 1)))
      for (const level of [2, 6, 9]) assert.notDeepEqual(payload, Buffer.from(deflateText(text, level)))
    }).pipe(Effect.provide(SocketWsFixture.wsEngine({ compression: true }))))

  it.effect("[CON9] an incompressible text is sent uncompressed", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const socket = yield* openRaw(url, deflate)
      // Every character once: nothing repeats, and all are about as frequent.
      const noise = String.fromCodePoint(...Array.from({ length: 5_000 }, (_, n) => 0x4e00 + n * 7919 % 20_000))
      ;(yield* connection).deliver(replyFrame(noise))
      const frame = yield* socket.nextFrame
      assert.strictEqual(readText(frame), noise)
      assert.isAtMost(frame.payload.length, Buffer.byteLength(noise))
    }).pipe(Effect.provide(compressingEngine)))

  it.effect("[CON9] [SYN9] a broadcast is compressed once for all compressing connections", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const writes = yield* SocketWsFixture.recordWrites
      const sockets = [
        yield* openRaw(url, deflate),
        yield* openRaw(url, deflate),
        yield* openRaw(url),
        yield* openRaw(url, deflate)
      ]
      for (const _ of sockets) yield* connection
      writes.length = 0
      const socket = yield* Socket
      assert.strictEqual(yield* socket.broadcast(repetitiveText(5_000)), 4)
      const frames: Array<RawSocket.ReceivedFrame> = []
      for (const socket of sockets) frames.push(yield* socket.nextFrame)
      assert.deepStrictEqual(frames.map(({ rsv }) => rsv), [4, 4, 0, 4])
      assert.deepStrictEqual(frames.map(readText), sockets.map(() => repetitiveText(5_000)))
      assert.lengthOf(writes, 4)
      // The very same bytes, not equal ones.
      assert.strictEqual(new Set(writes).size, 2)
      assert.strictEqual(writes[1], writes[0])
      assert.strictEqual(writes[3], writes[0])
    }).pipe(Effect.provide(compressingEngine)))

  it.effect("[CON9] [CON2] large and small texts of one turn keep their order, in one write", () =>
    Effect.gen(function*() {
      const { connection, url } = yield* listenWithUrl
      const writes = yield* SocketWsFixture.recordWrites
      const socket = yield* openRaw(url, deflate)
      const one = yield* connection
      const texts = [10, 5_000, 300_000, 20, 1_024, 2_000].map((length, n) => `${n} ${repetitiveText(length)}`)
      writes.length = 0
      for (const text of texts) one.deliver(replyFrame(text))
      for (const text of texts) assert.strictEqual(readText(yield* socket.nextFrame), text)
      assert.lengthOf(writes, 1)
    }).pipe(Effect.provide(compressingEngine)))
})

describe("compression with a client library", () => {
  it.effect("[CON9] messages are exchanged with a client of the ws library", () =>
    Effect.gen(function*() {
      const { connection, text, url } = yield* listenWithUrl
      const client = yield* openClient(url, { perMessageDeflate: { threshold: 0 } })
      assert.strictEqual(client.ws.extensions, deflate)
      const one = yield* connection
      for (const length of [1, 1_500, 70_000, 1_100, 400_000]) {
        const value = { n: length, text: repetitiveText(length), more: "Gr\u00fc\u00dfe \u{1d11e}" }
        one.deliver(replyFrame(JSON.stringify(value)))
        assert.deepStrictEqual<unknown>(yield* client.next, value)
        const said = JSON.stringify({ n: length, text: repetitiveText(Math.min(length, 4_000)) })
        client.ws.send(said)
        assert.strictEqual(yield* text, said)
      }
      client.ws.close(1000)
      assert.strictEqual(yield* client.closed, 1000)
    }).pipe(Effect.provide(compressingEngine)))
})

/** A compressing connection for a test to attack, and a bystander that must be served afterwards. */
const withBystander = <E>(
  use: (socket: RawSocket.RawSocket, text: Effect.Effect<string>) => Effect.Effect<void, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const { text, url } = yield* listenWithUrl
    const bystander = yield* openRaw(url, deflate)
    yield* use(yield* openRaw(url, deflate), text)
    bystander.send(compressedFrame("still here"))
    assert.strictEqual(yield* text, "still here")
  }).pipe(Effect.provide(compressingEngine))

describe("incoming compressed frames", () => {
  it.effect.each([
    { bomb: "a million bytes", text: "x".repeat(1_000_000) },
    { bomb: "64 KB of a few dozen bytes", text: "x".repeat(65_536) },
    { bomb: "64 KB of 1 KB", text: repetitiveText(20_000) + "x".repeat(45_536) },
    { bomb: "a little more than is harmless", text: "x".repeat(4_097) }
  ])(
    "[CON9] [SEC15] a deflate bomb ends in 1009 and affects no other connection: $bomb",
    ({ text }) =>
      withBystander((socket) =>
        Effect.gen(function*() {
          socket.send(compressedFrame(text))
          assert.strictEqual(yield* socket.nextCloseCode, closeCode.tooLarge)
        })
      )
  )

  it.effect("[CON9] [SEC15] a fragmented deflate bomb is rejected before its last fragment", () =>
    withBystander((socket) =>
      Effect.gen(function*() {
        const bytes = deflateText("x".repeat(60_000))
        socket.send({ opcode: RawSocket.textOpcode, rsv: 4, fin: false, payload: bytes.subarray(0, 8) })
        socket.send({ opcode: RawSocket.continuationOpcode, fin: false, payload: bytes.subarray(8) })
        assert.strictEqual(yield* socket.nextCloseCode, closeCode.tooLarge)
      })
    ))

  it.effect("[CON9] [SEC12] more than 64 KB is too large, whatever the ratio", () =>
    withBystander((socket) =>
      Effect.gen(function*() {
        const text = variedText(65_537)
        assert.isBelow(text.length, deflateText(text).length * 10)
        socket.send(compressedFrame(text))
        assert.strictEqual(yield* socket.nextCloseCode, closeCode.tooLarge)
      })
    ))

  it.effect.each([
    { frame: "a harmless text that repeats itself", text: "x".repeat(4_096) },
    { frame: "an empty text", text: "" },
    { frame: "64 KB within the ratio", text: variedText(65_536) }
  ])(
    "[CON9] $frame is received, unfragmented and in fragments, repeatedly",
    ({ text }) =>
      withBystander((socket, nextText) =>
        Effect.gen(function*() {
          const bytes = deflateText(text)
          for (let i = 0; i < 3; i++) {
            socket.send(compressedFrame(text))
            assert.strictEqual(yield* nextText, text)
            const half = bytes.length >> 1
            socket.send({ opcode: RawSocket.textOpcode, rsv: 4, fin: false, payload: bytes.subarray(0, half) })
            socket.send({ opcode: RawSocket.pingOpcode }, {
              opcode: RawSocket.continuationOpcode,
              payload: bytes.subarray(half)
            })
            assert.strictEqual(yield* nextText, text)
          }
          socket.send({ opcode: RawSocket.textOpcode, payload: "plain" })
          assert.strictEqual(yield* nextText, "plain")
        })
      )
  )
})

describe("invalid compressed frames", () => {
  it.effect("[CON9] [SEC21] an invalid deflate stream ends in 1007", () =>
    withBystander((socket) =>
      Effect.gen(function*() {
        socket.send({ opcode: RawSocket.textOpcode, rsv: 4, payload: Uint8Array.of(0xff, 0xff, 0xff, 0xff) })
        assert.strictEqual(yield* socket.nextCloseCode, closeCode.invalidText)
      })
    ))

  it.effect.each([
    { frame: "a ping", shape: { opcode: RawSocket.pingOpcode, rsv: 4 } },
    { frame: "a continuation", shape: { opcode: RawSocket.continuationOpcode, rsv: 4 } }
  ])(
    "[CON9] [SEC21] $frame with the compression bit ends in 1002",
    ({ shape }) =>
      withBystander((socket) =>
        Effect.gen(function*() {
          socket.send({ opcode: RawSocket.textOpcode, fin: false, payload: "a" }, shape)
          assert.strictEqual(yield* socket.nextCloseCode, closeCode.protocolError)
        })
      )
  )
})

describe("messages appended to a frame", () => {
  it("[CON9] [SYN9] are separate frames for compressing connections too", () => {
    const topic = TopicId.make("room:t")
    const signal = (text: string): OutboundFrame => ({ text, lane: { _tag: "Ephemeral", topic, key: text } })
    const first = signal(repetitiveText(800))
    const batch = FrameBatch.make()
    FrameBatch.open(batch, first)
    assert.isTrue(FrameBatch.tryAppend(batch, signal(repetitiveText(801))))
    FrameBatch.close(first)
    assert.deepStrictEqual(
      Compression.deflateFrame(first),
      Buffer.concat([repetitiveText(800), repetitiveText(801)].map((text) => encodeTextFrame(text)))
    )
  })
})

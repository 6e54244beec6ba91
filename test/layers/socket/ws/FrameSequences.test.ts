/** Sequences of valid and invalid frames as protocol conformance suites send them: order, boundaries, and the end (SEC21). */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { startInProcessServer } from "../../../support/InProcessServer.ts"
import * as RawSocket from "../../../support/RawSocket.ts"

class LiveServer
  extends Context.Service<LiveServer, string>()("choir/test/layers/socket/ws/FrameSequences.test/LiveServer")
{}

const liveServer = Layer.effect(
  LiveServer,
  startInProcessServer({ CHOIR_ECHO: "1", CHOIR_CONNECTIONS_PER_ADDRESS: "1000" })
)

const openEcho = Effect.flatMap(LiveServer, (url) => RawSocket.open(url, "/echo"))

const { binaryOpcode, closeOpcode, closePayload, continuationOpcode, pingOpcode, pongOpcode, textOpcode } = RawSocket

/** The first and last code point of each UTF-8 length, the neighbours of the surrogates, and noncharacters. */
const utf8Boundaries = [
  0x00,
  0x7f,
  0x80,
  0x7ff,
  0x800,
  0xd7ff,
  0xe000,
  0xfdd0,
  0xfffd,
  0xfffe,
  0xffff,
  0x10000,
  0x1fffe,
  0x10ffff
]
  .map((point) => String.fromCodePoint(point))

const validPrefix = Buffer.from("κόσμε")

/** Byte sequences that are invalid in UTF-8. */
const invalidUtf8 = [
  "80",
  "bf",
  "8080",
  "c0",
  "c080",
  "c1bf",
  "c2",
  "e0",
  "e080",
  "e08080",
  "e09fbf",
  "e1",
  "e180",
  "eda080",
  "edafbf",
  "edb080",
  "edbfbf",
  "eda080edb080",
  "f0",
  "f08080",
  "f0808080",
  "f08fbfbf",
  "f1",
  "f18080",
  "f4908080",
  "f5808080",
  "f888808080",
  "f8808080af",
  "fc8480808080",
  "fe",
  "ff",
  "fefeffff"
]

layer(liveServer, { excludeTestServices: true })("sequences of frames", (it) => {
  it.effect("[SEC21] each ping is answered in order with its payload, which may be binary", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      const payloads = [0, 1, 124, 125].map((length) => Buffer.alloc(length, 0xff))
      for (const payload of payloads) socket.send({ opcode: pingOpcode, payload })
      socket.send({ opcode: textOpcode, payload: "after" })
      for (const payload of payloads) assert.deepInclude(yield* socket.nextFrame, { opcode: pongOpcode, payload })
      assert.strictEqual((yield* socket.nextFrame).opcode, textOpcode)
    }))

  it.effect("[SEC21] unsolicited pongs are ignored, whatever their payload", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      socket.send({ opcode: pongOpcode }, { opcode: pongOpcode, payload: Buffer.alloc(125, 0xff) }, {
        opcode: pingOpcode,
        payload: "x"
      })
      assert.deepInclude(yield* socket.nextFrame, { opcode: pongOpcode, payload: Buffer.from("x") })
    }))

  it.effect.each([textOpcode, binaryOpcode])(
    "[SEC21] a message with opcode %i may be fragmented, with empty fragments among them",
    (opcode) =>
      Effect.gen(function*() {
        const socket = yield* openEcho
        const more = { opcode: continuationOpcode, fin: false }
        for (const parts of [["", "", ""], ["a", "", "b"], ["", "ab", ""], Array.from({ length: 64 }, () => "x")]) {
          const [first, ...rest] = parts.map((payload, n) => ({ ...more, payload, fin: n === parts.length - 1 }))
          socket.send({ ...first!, opcode }, { opcode: pingOpcode }, ...rest)
          assert.strictEqual((yield* socket.nextFrame).opcode, pongOpcode)
          assert.deepInclude(yield* socket.nextFrame, { opcode, payload: Buffer.from(parts.join("")) })
        }
      })
  )

  it.effect("[SEC21] a continuation of a complete message ends in 1002", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      socket.send(
        { opcode: textOpcode, fin: false, payload: "a" },
        { opcode: continuationOpcode, payload: "b" },
        { opcode: continuationOpcode, payload: "c" }
      )
      assert.strictEqual((yield* socket.nextFrame).payload.toString(), "ab")
      assert.strictEqual(yield* socket.nextCloseCode, 1002)
    }))
})

layer(liveServer, { excludeTestServices: true })("UTF-8 in fragmented texts", (it) => {
  it.effect("[SEC21] boundary code points are echoed, fragmented between any two bytes", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      for (const edge of utf8Boundaries) {
        const bytes = Buffer.from(`a${edge}z`)
        for (let at = 0; at <= bytes.length; at++) {
          socket.send(
            { opcode: textOpcode, fin: false, payload: bytes.subarray(0, at) },
            { opcode: continuationOpcode, payload: bytes.subarray(at) }
          )
          assert.deepInclude(yield* socket.nextFrame, { opcode: textOpcode, payload: bytes })
        }
      }
    }))

  it.effect.each(invalidUtf8)(
    "[SEC21] %s is invalid UTF-8: unfragmented, or fragmented between any two bytes, it ends in 1007",
    (hex) =>
      Effect.gen(function*() {
        const bytes = Buffer.concat([validPrefix, Buffer.from(hex, "hex"), Buffer.from("z")])
        const ends = yield* Effect.forEach(
          Array.from({ length: hex.length / 2 + 1 }, (_, n) => validPrefix.length + n),
          (at) =>
            Effect.scoped(Effect.gen(function*() {
              const socket = yield* openEcho
              socket.send(
                { opcode: textOpcode, fin: false, payload: bytes.subarray(0, at) },
                { opcode: continuationOpcode, payload: bytes.subarray(at) }
              )
              return yield* socket.nextCloseCode
            }))
        )
        assert.deepStrictEqual(new Set(ends), new Set([1007]))
      })
  )
})

layer(liveServer, { excludeTestServices: true })("sequences with a close frame", (it) => {
  it.effect("[SEC21] after a close frame nothing is answered, and the connection ends", () =>
    Effect.gen(function*() {
      for (
        const late of [{ opcode: textOpcode, payload: "late" }, { opcode: pingOpcode }, { opcode: closeOpcode }, {
          opcode: 3
        }]
      ) {
        const socket = yield* openEcho
        socket.send(
          { opcode: textOpcode, payload: "before" },
          { opcode: closeOpcode, payload: closePayload(1000) },
          late
        )
        assert.strictEqual((yield* socket.nextFrame).payload.toString(), "before")
        assert.strictEqual(yield* socket.nextCloseCode, 1000)
        // 1006 is the end of the TCP connection: no other frame came before it.
        assert.strictEqual(yield* socket.nextCloseCode, 1006)
      }
    }))

  it.effect("[SEC21] a close reason may have 123 bytes", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      socket.send({ opcode: closeOpcode, payload: closePayload(1000, "é".repeat(61) + "x") })
      assert.strictEqual(yield* socket.nextCloseCode, 1000)
    }))

  it.effect("[SEC21] a message that a close frame interrupts is not delivered", () =>
    Effect.gen(function*() {
      const socket = yield* openEcho
      socket.send({ opcode: textOpcode, fin: false, payload: "half" }, {
        opcode: closeOpcode,
        payload: closePayload(1000)
      })
      assert.strictEqual(yield* socket.nextCloseCode, 1000)
    }))
})

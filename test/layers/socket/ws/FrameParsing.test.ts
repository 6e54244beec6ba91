import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, Context, Effect, Layer, Schema } from "effect"
import { socketUrl, startInProcessServer } from "../../../support/InProcessServer.ts"
import * as RawSocket from "../../../support/RawSocket.ts"
import { makeTestUser, openClient, type RawClient, signIn } from "../../../support/TestUsers.ts"

/** A server, and a bystander: a signed-in client that must stay unaffected. */
class LiveServer extends Context.Service<LiveServer, { readonly url: string; readonly bystander: RawClient }>()(
  "choir/test/layers/socket/ws/FrameParsing.test/LiveServer"
) {}

const liveServer = Layer.effect(
  LiveServer,
  Effect.gen(function*() {
    const url = yield* startInProcessServer({ CHOIR_ECHO: "1", CHOIR_READ_BURST: "1000000" })
    const bystander = yield* openClient(socketUrl(url))
    yield* signIn(bystander, makeTestUser())
    return { url, bystander }
  })
)

const assertBystanderServed = Effect.gen(function*() {
  const { bystander } = yield* LiveServer
  const id = bystander.send("get_user")
  assert.strictEqual((yield* bystander.nextOf("user")).payload["ref_id"], id)
})

/** The close code after these frames. */
const closeCodeAfter = (path: string, frames: ReadonlyArray<RawSocket.RawFrame>) =>
  Effect.scoped(Effect.gen(function*() {
    const { url } = yield* LiveServer
    const socket = yield* RawSocket.open(url, path)
    socket.send(...frames)
    return yield* socket.nextCloseCode
  }))

const { binaryOpcode, closeOpcode, closePayload, continuationOpcode, pingOpcode, pongOpcode, textOpcode } = RawSocket
const unfinishedText: RawSocket.RawFrame = { opcode: textOpcode, fin: false, payload: "a" }
const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

const invalidFrames: ReadonlyArray<readonly [frames: string, code: number, frames: ReadonlyArray<RawSocket.RawFrame>]> =
  [
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, 1002, [{ opcode }]] as const),
    ...[4, 2, 1].map((rsv) => [`reserved bit ${rsv}`, 1002, [{ opcode: textOpcode, rsv }]] as const),
    ["a reserved bit in a ping", 1002, [{ opcode: pingOpcode, rsv: 4 }]],
    ["an unmasked text", 1002, [{ opcode: textOpcode, masked: false, payload: "x" }]],
    ["an unmasked ping", 1002, [{ opcode: pingOpcode, masked: false }]],
    ...[pingOpcode, pongOpcode, closeOpcode].flatMap((opcode) => [
      [`a control frame ${opcode} of 126 bytes`, 1002, [{ opcode, payload: "x".repeat(126) }]] as const,
      [`a fragmented control frame ${opcode}`, 1002, [{ opcode, fin: false }]] as const
    ]),
    ["a continuation without a message", 1002, [{ opcode: continuationOpcode, payload: "x" }]],
    ["a message within a fragmented message", 1002, [unfinishedText, { opcode: textOpcode, payload: "x" }]],
    ["a binary frame within a fragmented text", 1002, [unfinishedText, { opcode: binaryOpcode, payload: "x" }]],
    ["a text that is not UTF-8", 1007, [{ opcode: textOpcode, payload: bytes(0xff, 0xfe) }]],
    ["a truncated character", 1007, [{ opcode: textOpcode, payload: bytes(0xc3) }]],
    ["a surrogate as UTF-8", 1007, [{ opcode: textOpcode, payload: bytes(0xed, 0xa0, 0x80) }]],
    ["an overlong encoding", 1007, [{ opcode: textOpcode, payload: bytes(0xc0, 0xaf) }]],
    ["a code point above U+10FFFF", 1007, [{ opcode: textOpcode, payload: bytes(0xf4, 0x90, 0x80, 0x80) }]],
    ["bad UTF-8 over two fragments", 1007, [
      { opcode: textOpcode, fin: false, payload: bytes(0xc3) },
      { opcode: continuationOpcode, payload: bytes(0x28) }
    ]],
    ["65,537 bytes", 1009, [{ opcode: textOpcode, payload: "x".repeat(65_537) }]],
    ["65,537 bytes in fragments", 1009, [
      { opcode: textOpcode, fin: false, payload: "x".repeat(65_536) },
      { opcode: continuationOpcode, payload: "x" }
    ]],
    ["a length of 2^53", 1009, [{ opcode: textOpcode, length: 2n ** 53n }]],
    ["a length of 2^63", 1009, [{ opcode: textOpcode, length: 2n ** 63n }]],
    ["a close code of one byte", 1002, [{ opcode: closeOpcode, payload: bytes(3) }]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) =>
      [`close code ${code}`, 1002, [{ opcode: closeOpcode, payload: closePayload(code) }]] as const
    ),
    ["a close reason that is not UTF-8", 1007, [{ opcode: closeOpcode, payload: closePayload(1000, bytes(0xff)) }]]
  ]

layer(liveServer, { excludeTestServices: true })("single frames", (it) => {
  describe.each(["/ws", "/echo"])("on %s", (path) => {
    it.effect.each(invalidFrames)(
      "[SEC21] %s ends its connection with %i, and no other",
      ([, code, frames]) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* closeCodeAfter(path, frames), code)
          yield* assertBystanderServed
        })
    )

    it.effect.each([1000, 1001, 1011, 3000, 3999, 4000, 4999])(
      "[SEC21] a close frame with %i is answered with the same code",
      (code) =>
        Effect.gen(function*() {
          assert.strictEqual(
            yield* closeCodeAfter(path, [{ opcode: closeOpcode, payload: closePayload(code, "bye") }]),
            code
          )
        })
    )

    it.effect("[SEC21] a close frame without a code is answered without one", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* closeCodeAfter(path, [{ opcode: closeOpcode }]), 1005)
      }))

    it.effect("[SEC15] compression is not negotiated by default, however it is offered", () =>
      Effect.gen(function*() {
        const { url } = yield* LiveServer
        for (
          const offer of ["permessage-deflate", "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"]
        ) {
          const { upgrade } = yield* RawSocket.open(url, path, { headers: [`Sec-WebSocket-Extensions: ${offer}`] })
          assert.match(upgrade, /^HTTP\/1\.1 101 /)
          assert.notMatch(upgrade, /extensions/i)
        }
      }))
  })
})

layer(liveServer, { excludeTestServices: true })("fragments and random bytes", (it) => {
  it.effect("[SEC21] a binary message ends in 1003", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* closeCodeAfter("/ws", [{ opcode: binaryOpcode, payload: "x" }]), 1003)
      yield* assertBystanderServed
    }))

  it.effect("[SEC21] fragments are reassembled, and pings between them answered at once", () =>
    Effect.gen(function*() {
      const { url } = yield* LiveServer
      const socket = yield* RawSocket.open(url, "/echo")
      const word = Buffer.from("Grüße")
      socket.send(
        { opcode: textOpcode, fin: false, payload: word.subarray(0, 3) },
        { opcode: pingOpcode, payload: "now" },
        { opcode: pongOpcode, payload: "unsolicited" },
        { opcode: continuationOpcode, fin: false },
        { opcode: continuationOpcode, payload: word.subarray(3) },
        { opcode: pingOpcode, payload: "x".repeat(125) }
      )
      const received = [yield* socket.nextFrame, yield* socket.nextFrame, yield* socket.nextFrame]
      assert.deepStrictEqual(received.map(({ opcode, payload }) => [opcode, payload.toString()]), [
        [pongOpcode, "now"],
        [textOpcode, "Grüße"],
        [pongOpcode, "x".repeat(125)]
      ])
    }))

  it.effect("[SEC21] a frame that arrives byte by byte is parsed", () =>
    Effect.gen(function*() {
      const { url } = yield* LiveServer
      const socket = yield* RawSocket.open(url, "/echo")
      socket.tcp.setNoDelay(true)
      for (const byte of RawSocket.encodeFrame({ opcode: textOpcode, payload: "slowly" })) {
        yield* Effect.callback<void>((resume) => void socket.tcp.write(Buffer.of(byte), () => resume(Effect.void)))
      }
      assert.strictEqual((yield* socket.nextFrame).payload.toString(), "slowly")
    }))

  const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  const noise = Arbitrary.array(Arbitrary.schema(Byte), { minLength: 1, maxLength: 200 })
  it.effect.prop(
    "[SEC21] random bytes do not affect another connection",
    { noise },
    ({ noise }) =>
      Effect.scoped(Effect.gen(function*() {
        const { url } = yield* LiveServer
        const socket = yield* RawSocket.open(url, "/ws")
        // Ended by the test: random bytes may be the beginning of an endless frame.
        socket.tcp.end(Uint8Array.from(noise))
        yield* RawSocket.awaitClosed(socket.tcp)
        yield* assertBystanderServed
      })),
    { arbitrary: { runs: 60 } }
  )
})

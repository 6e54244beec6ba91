import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import { constants, inflateRawSync } from "node:zlib"
import { WebSocket } from "ws"
import { startInProcessServer } from "../../support/InProcessServer.ts"
import * as RawSocket from "../../support/RawSocket.ts"
import { openClient } from "../../support/TestUsers.ts"

/** A client that records raw messages. */
const upgrade = (url: string) =>
  Effect.gen(function*() {
    const received = yield* Queue.unbounded<string | Buffer>()
    const codes = yield* Queue.unbounded<number>()
    const ws = yield* Effect.acquireRelease(
      Effect.callback<WebSocket>((resume) => {
        const ws = new WebSocket(url)
        ws.on("open", () => resume(Effect.succeed(ws)))
      }),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("message", (data: Buffer, isBinary) => Queue.offerUnsafe(received, isBinary ? data : data.toString()))
    ws.on("close", (code) => Queue.offerUnsafe(codes, code))
    return { ws, message: Queue.take(received), closed: Queue.take(codes) }
  })

const startEcho: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  startInProcessServer({ CHOIR_ECHO: "1" }),
  (url) => `${url.replace("http", "ws")}/echo`
)

describe("/echo", () => {
  it.live("is 404 by default", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      assert.strictEqual(yield* Effect.flip(openClient(`${url.replace("http", "ws")}/echo`)), 404)
    }).pipe(Effect.scoped))

  it.live("[SEC21] echoes texts and binary messages of every header length", () =>
    Effect.gen(function*() {
      const client = yield* upgrade(yield* startEcho)
      for (const length of [0, 1, 125, 126, 127, 65_535, 65_536]) {
        client.ws.send("é".repeat(length / 2) + "x".repeat(length % 2))
        const text = yield* client.message
        assert.strictEqual(Buffer.byteLength(text), length)
        client.ws.send(Buffer.alloc(length, 7))
        assert.deepStrictEqual(yield* client.message, Buffer.alloc(length, 7))
      }
    }).pipe(Effect.scoped))

  it.live("[SEC12] has the limits of the engine", () =>
    Effect.gen(function*() {
      const client = yield* upgrade(yield* startEcho)
      client.ws.send(Buffer.alloc(65_537))
      assert.strictEqual(yield* client.closed, 1009)
    }).pipe(Effect.scoped))

  it.live.each(
    [
      ["1", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
      ["0", undefined]
    ] as const
  )(
    "[CON9] negotiates permessage-deflate as the engine does, with CHOIR_COMPRESSION=%s",
    ([setting, agreed]) =>
      Effect.gen(function*() {
        const url = yield* startInProcessServer({ CHOIR_ECHO: "1", CHOIR_COMPRESSION: setting })
        const headers = ["Sec-WebSocket-Extensions: permessage-deflate"]
        for (const path of ["/echo", "/ws"]) {
          const { upgrade } = yield* RawSocket.open(url, path, { headers })
          assert.strictEqual(/^Sec-WebSocket-Extensions: (.*)$/m.exec(upgrade)?.[1], agreed, path)
        }
        const echo = yield* RawSocket.open(url, "/echo", { headers })
        const text = "so it is said, ".repeat(200)
        echo.send({ opcode: RawSocket.binaryOpcode, payload: text }, { opcode: RawSocket.textOpcode, payload: text })
        const [binary, echoed] = [yield* echo.nextFrame, yield* echo.nextFrame]
        assert.strictEqual(binary.payload.toString(), text)
        assert.strictEqual(echoed.rsv, setting === "1" ? 4 : 0)
        const payload = setting === "1"
          ? inflateRawSync(echoed.payload, { finishFlush: constants.Z_SYNC_FLUSH })
          : echoed.payload
        assert.strictEqual(payload.toString(), text)
      }).pipe(Effect.scoped)
  )
})

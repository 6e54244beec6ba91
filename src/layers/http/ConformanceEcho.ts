/**
 * An echoing WebSocket with the parser, the encoder and the compression of the `ws` engine, for protocol conformance suites
 * such as Autobahn (SEC21). Off unless `CHOIR_ECHO=1`.
 */
import { Effect, Layer } from "effect"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { pathOf } from "../../domain/admission/Credentials.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { encodeTextFrame } from "../delivery/TextFrame.ts"
import * as AdmissionGate from "../net/AdmissionGate.ts"
import { HttpListener } from "../net/HttpListener.ts"
import * as Compression from "../socket/core/Compression.ts"
import * as SocketWs from "../socket/ws/SocketWs.ts"

/** The path of the echo. */
export const echoPath = "/echo"

/** Accepts upgrades of `echoPath`, which the engine must ignore. Admission is the same as for the engine. */
export const layer = (
  { admission, compression, limits }: Pick<SocketWs.NetworkEngineOptions, "admission" | "compression" | "limits">
): Layer.Layer<never, never, HttpListener> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const wss = new WebSocketServer(SocketWs.frameParserOptions(limits, compression))
    const gate = AdmissionGate.makeAdmissionGate(admission, limits)
    const openSockets = new Set<WebSocket>()
    gate.setOpen(true)

    const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
      if (pathOf(request.url) !== echoPath) return
      const permit = gate.admit(request)
      if (typeof permit === "string") return SocketWs.rejectUpgrade(raw, permit)
      raw.once("close", permit.release)
      wss.handleUpgrade(request, raw, head, (ws) => {
        openSockets.add(ws)
        ws.on("close", () => openSockets.delete(ws))
        echoMessages(ws, raw, limits, Compression.limitInflation(ws, limits.frameBytes))
      })
    }
    server.on("upgrade", onUpgrade)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.off("upgrade", onUpgrade)
        for (const ws of openSockets) ws.terminate()
      })
    )
  }))

/** Echoes messages; stops reading from a peer that does not read. */
const echoMessages = (ws: WebSocket, raw: Duplex, { outboxMax }: Limits, canInflate: boolean) => {
  const encode = canInflate
    ? (text: string) => Compression.deflateTextFrame(encodeTextFrame(text))
    : encodeTextFrame
  ws.on("error", () => {})
  ws.on("message", (data: RawData, isBinary: boolean) => {
    // Compressed by `ws`, it would leave after a later text.
    if (isBinary) ws.send(data, { compress: false })
    else if (ws.readyState === ws.OPEN) raw.write(encode(data.toString()))
    if (raw.writableLength > outboxMax) ws.pause()
  })
  raw.on("drain", () => ws.resume())
}

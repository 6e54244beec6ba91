/**
 * A WebSocket that says back what it hears, with the parser and the frames of
 * the real engine (SEC21): conformance suites such as Autobahn test these by it.
 */
import { Effect, Layer } from "effect"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { encodeTextFrame } from "../delivery/TextFrame.ts"
import * as AdmissionGate from "../net/AdmissionGate.ts"
import { HttpListener } from "../net/HttpListener.ts"
import * as SocketWs from "../socket/ws/SocketWs.ts"

/** Where it is. */
export const echoPath = "/echo"

/** Takes upgrades of `path`; the engine must leave them alone. Who may connect is as for the engine. */
export const layer = (
  { admission, limits }: Pick<SocketWs.NetworkEngineOptions, "admission" | "limits">
): Layer.Layer<never, never, HttpListener> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const wss = new WebSocketServer(SocketWs.frameParserOptions(limits))
    const gate = AdmissionGate.makeAdmissionGate(admission, limits)
    const openSockets = new Set<WebSocket>()
    gate.setOpen(true)

    const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
      if (request.url?.split("?", 1)[0] !== echoPath) return
      const permit = gate.admit(request)
      if (typeof permit === "string") return SocketWs.rejectUpgrade(raw, permit)
      raw.once("close", permit.release)
      wss.handleUpgrade(request, raw, head, (ws) => {
        openSockets.add(ws)
        ws.on("close", () => openSockets.delete(ws))
        echoMessages(ws, raw, limits)
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

/** Whoever does not read is not read from either. */
const echoMessages = (ws: WebSocket, raw: Duplex, { outboxMax }: Limits) => {
  ws.on("error", () => {})
  ws.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) ws.send(data)
    else if (ws.readyState === ws.OPEN) raw.write(encodeTextFrame(data.toString()))
    if (raw.writableLength > outboxMax) ws.pause()
  })
  raw.on("drain", () => ws.resume())
}

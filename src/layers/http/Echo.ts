/**
 * A WebSocket that says back what it hears, with the parser and the frames of
 * the real engine (SEC21): conformance suites such as Autobahn test these by it.
 */
import { Effect, Layer } from "effect"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import type { Limits } from "../../domain/Limits.ts"
import * as Admission from "../socket/Admission.ts"
import { textFrame } from "../socket/TextFrame.ts"
import * as Ws from "../socket/Ws.ts"
import { HttpListener } from "./Server.ts"

/** Where it is. */
export const path = "/echo"

/** Takes upgrades of `path`; the engine must leave them alone. Who may connect is as for the engine. */
export const layer = (
  { admission, limits }: Pick<Ws.Options, "admission" | "limits">
): Layer.Layer<never, never, HttpListener> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const wss = new WebSocketServer(Ws.parser(limits))
    const door = Admission.door(admission, limits)
    const present = new Set<WebSocket>()
    door.setOpen(true)

    const upgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
      if (request.url?.split("?", 1)[0] !== path) return
      const entry = door.enter(request)
      if (typeof entry === "string") return Ws.turnAway(raw, entry)
      raw.once("close", entry.leave)
      wss.handleUpgrade(request, raw, head, (ws) => {
        present.add(ws)
        ws.on("close", () => present.delete(ws))
        echo(ws, raw, limits)
      })
    }
    server.on("upgrade", upgrade)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.off("upgrade", upgrade)
        for (const ws of present) ws.terminate()
      })
    )
  }))

/** Whoever does not read is not read from either. */
const echo = (ws: WebSocket, raw: Duplex, { outboxMax }: Limits) => {
  ws.on("error", () => {})
  ws.on("message", (data: RawData, isBinary: boolean) => {
    if (isBinary) ws.send(data)
    else if (ws.readyState === ws.OPEN) raw.write(textFrame(data.toString()))
    if (raw.writableLength > outboxMax) ws.pause()
  })
  raw.on("drain", () => ws.resume())
}

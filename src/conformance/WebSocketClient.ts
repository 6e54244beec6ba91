/** Clients for engines that speak WebSocket, with all client capabilities. */
import { Deferred, Effect, Queue } from "effect"
import { WebSocket } from "ws"
import { subprotocol } from "../domain/protocol/Protocol.ts"
import { type Client, ConnectFailed, type Harness } from "./Harness.ts"

const awaitOpen = (ws: WebSocket) =>
  Effect.callback<void, ConnectFailed>((resume) => {
    ws.on("error", (fault) => resume(Effect.fail(new ConnectFailed({ reason: fault.message }))))
    ws.on("open", () => resume(Effect.void))
  })

/** The part of a harness that connects to `ws://<address>:<port><path>`. */
export const webSocketClients = (path: string): Pick<Harness, "clientCapabilities" | "connect"> => ({
  clientCapabilities: new Set(["stall", "ignorePings", "binary", "garbage", "terminate"]),
  connect: Effect.fnUntraced(function*({ address, port }, { ignorePings }) {
    const texts = yield* Queue.unbounded<string>()
    const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
    const host = address.includes(":") ? `[${address}]` : address
    const ws = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket(`ws://${host}:${port}${path}`, subprotocol, { autoPong: !ignorePings })),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("message", (data) => Queue.offerUnsafe(texts, String(data)))
    ws.on("close", (code, reason) => Deferred.doneUnsafe(closed, Effect.succeed({ code, reason: String(reason) })))
    yield* awaitOpen(ws)
    const raw: unknown = Reflect.get(ws, "_socket")
    const client: Client = {
      send: (text) => ws.send(text),
      close: (code) => ws.close(code),
      nextMessage: Queue.take(texts),
      closed: Deferred.await(closed),
      stall: () => ws.pause(),
      resume: () => ws.resume(),
      binary: () => ws.send(new Uint8Array([1, 2, 3]), { binary: true }),
      // A reserved opcode with reserved bits, written to the socket behind the library.
      garbage: () => {
        if (typeof raw === "object" && raw !== null && "write" in raw && typeof raw.write === "function") {
          raw.write(new Uint8Array([0xff, 0x7f, 1, 2, 3]))
        }
      },
      terminate: () => ws.terminate()
    }
    return client
  })
})

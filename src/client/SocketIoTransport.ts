/**
 * The client over Socket.IO, for servers that run with `CHOIR_SOCKET=socketio`.
 *
 * **When to use**
 *
 * Use it only for such a server. A server with another engine is reached by the client's default transport.
 *
 * **Details**
 *
 * - The package does not contain Socket.IO: pass `io` of your own `socket.io-client`.
 * - Reconnecting is the client's job, so Socket.IO's own is switched off.
 * - Close codes arrive in a `close` event before Socket.IO's `disconnect`. Without one the code is 1006.
 *
 * **Gotchas**
 *
 * - The path of the client's `url` is ignored: Socket.IO listens on `/socket.io`.
 *
 * **Example** (Connecting over Socket.IO)
 *
 * ```ts
 * import { Client, Keys, SocketIoTransport } from "choir/client"
 * import { Effect } from "effect"
 * import { io } from "socket.io-client"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* Client.make({
 *     url: process.env.CHOIR_URL ?? "http://127.0.0.1:4100",
 *     identity: yield* Keys.fromSecret(yield* Keys.generateSecret),
 *     kinds: [],
 *     connect: SocketIoTransport.connect(io)
 *   })
 *   // None, after 5 seconds, if the server runs another engine.
 *   console.log(yield* Effect.timeoutOption(client.threads({ public: true }), "5 seconds"))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import type { WebSocketLike } from "./ClientSockets.ts"

/** The part of a `socket.io-client` socket that the transport uses. */
export interface SocketIoSocket {
  readonly connected: boolean
  readonly on: (event: string, listener: (...args: ReadonlyArray<unknown>) => void) => unknown
  readonly emit: (event: string, ...args: ReadonlyArray<unknown>) => unknown
  readonly disconnect: () => unknown
}

/** The part of `io` of `socket.io-client` that the transport uses. */
export type SocketIoFactory = (
  url: string,
  options: { readonly path: string; readonly forceNew: boolean; readonly reconnection: boolean }
) => SocketIoSocket

type Listener = (event: unknown) => void

/** Adapts Socket.IO to the client's `connect` option. */
export const connect = (factory: SocketIoFactory) => (url: string): WebSocketLike => {
  const listeners = { open: new Set<Listener>(), message: new Set<Listener>(), close: new Set<Listener>() }
  const emit = (type: keyof typeof listeners, event: unknown) => listeners[type].forEach((listener) => listener(event))
  const socket = factory(new URL(url).origin.replace(/^ws/, "http"), {
    path: "/socket.io",
    forceNew: true,
    reconnection: false
  })
  let closeInfo: { readonly code: number; readonly reason: string } | undefined
  let closed = false
  const emitClose = () => {
    if (closed) return
    closed = true
    emit("close", closeInfo ?? { code: 1006, reason: "" })
  }
  socket.on("connect", () => emit("open", {}))
  socket.on("message", (data) => emit("message", { data }))
  socket.on("close", (code, reason) => {
    closeInfo ??= { code: Number(code), reason: String(reason) }
  })
  socket.on("disconnect", emitClose)
  socket.on("connect_error", emitClose)
  return {
    send: (text) => void socket.emit("message", text),
    close: (code) => {
      closeInfo ??= { code, reason: "" }
      if (socket.connected) socket.emit("close", code)
      socket.disconnect()
      emitClose()
    },
    addEventListener: (type, listener) => {
      if (type !== "error") listeners[type].add(listener)
    }
  }
}

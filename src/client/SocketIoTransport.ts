/**
 * The client over Socket.IO, for servers that run that engine: give `connect`
 * of your own `socket.io-client` as the client's `connect` option.
 */
import type { WebSocketLike } from "./ClientRuntime.ts"

/** As much of a `socket.io-client` socket as is needed. */
export interface SocketIoSocket {
  readonly connected: boolean
  readonly on: (event: string, listener: (...args: ReadonlyArray<unknown>) => void) => unknown
  readonly emit: (event: string, ...args: ReadonlyArray<unknown>) => unknown
  readonly disconnect: () => unknown
}

/** `io` of `socket.io-client`. */
export type SocketIoFactory = (
  url: string,
  options: { readonly path: string; readonly forceNew: boolean; readonly reconnection: boolean }
) => SocketIoSocket

type Listener = (event: unknown) => void

/** Opens a Socket.IO connection that looks like a WebSocket; coming back is the client's own affair. */
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

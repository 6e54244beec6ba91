/**
 * The client over Socket.IO, for servers that run that engine: give `connect`
 * of your own `socket.io-client` as the client's `connect` option.
 */
import type { Socket } from "./Driver.ts"

/** As much of a `socket.io-client` socket as is needed. */
export interface IoSocket {
  readonly connected: boolean
  readonly on: (event: string, listener: (...words: ReadonlyArray<unknown>) => void) => unknown
  readonly emit: (event: string, ...words: ReadonlyArray<unknown>) => unknown
  readonly disconnect: () => unknown
}

/** `io` of `socket.io-client`. */
export type Io = (
  url: string,
  options: { readonly path: string; readonly forceNew: boolean; readonly reconnection: boolean }
) => IoSocket

type Listener = (event: unknown) => void

/** Opens a Socket.IO connection that looks like a WebSocket; coming back is the client's own affair. */
export const connect = (io: Io) => (url: string): Socket => {
  const listeners = { open: new Set<Listener>(), message: new Set<Listener>(), close: new Set<Listener>() }
  const emit = (type: keyof typeof listeners, event: unknown) => listeners[type].forEach((listener) => listener(event))
  const socket = io(new URL(url).origin.replace(/^ws/, "http"), {
    path: "/socket.io",
    forceNew: true,
    reconnection: false
  })
  let said: { readonly code: number; readonly reason: string } | undefined
  let over = false
  const end = () => {
    if (over) return
    over = true
    emit("close", said ?? { code: 1006, reason: "" })
  }
  socket.on("connect", () => emit("open", {}))
  socket.on("message", (data) => emit("message", { data }))
  socket.on("close", (code, reason) => {
    said ??= { code: Number(code), reason: String(reason) }
  })
  socket.on("disconnect", end)
  socket.on("connect_error", end)
  return {
    send: (text) => void socket.emit("message", text),
    close: (code) => {
      said ??= { code, reason: "" }
      if (socket.connected) socket.emit("close", code)
      socket.disconnect()
      end()
    },
    addEventListener: (type, listener) => {
      if (type !== "error") listeners[type].add(listener)
    }
  }
}

/** Clients for the conformance suite over Socket.IO, and over the in-memory transport. */
import { Deferred, Effect, Queue } from "effect"
import { io } from "socket.io-client"
import type { WebSocketLike } from "../../src/client/Client.ts"
import * as SocketIoTransport from "../../src/client/SocketIoTransport.ts"
import { type Client, ConnectFailed, type Harness } from "../../src/conformance/SocketConformance.ts"
import { MemoryConnector } from "../../src/layers/socket/memory/SocketMemory.ts"

/** A conformance client on anything with the interface of a browser's WebSocket. */
const clientFromWebSocket = Effect.fnUntraced(function*(open: () => WebSocketLike) {
  const texts = yield* Queue.unbounded<string>()
  const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
  const endpoint = yield* Effect.acquireRelease(
    Effect.sync(open),
    (endpoint) => Effect.sync(() => endpoint.close(1000))
  )
  endpoint.addEventListener("message", (event) => {
    Queue.offerUnsafe(texts, (event as { readonly data: string }).data)
  })
  yield* Effect.callback<void, ConnectFailed>((resume) => {
    endpoint.addEventListener("open", () => resume(Effect.void))
    endpoint.addEventListener("close", (event) => {
      const { code, reason } = event as { readonly code: number; readonly reason: string }
      Deferred.doneUnsafe(closed, Effect.succeed({ code, reason }))
      resume(Effect.fail(new ConnectFailed({ reason: `closed with ${code}` })))
    })
  })
  const client: Client = {
    send: endpoint.send,
    close: endpoint.close,
    nextMessage: Queue.take(texts),
    closed: Deferred.await(closed)
  }
  return client
})

/** The internals of Engine.IO's client that this file overrides. */
interface EngineIoInternals {
  _sendPacket: (type: string, ...words: ReadonlyArray<unknown>) => unknown
  readonly write: (data: string) => unknown
  readonly close: () => unknown
  readonly transport: { readonly ws?: { readonly pause: () => void; readonly resume: () => void } }
}

/** `socket.io-client`, by way of the client library's adapter. */
export const socketIoClients = (
  transports: ReadonlyArray<"polling" | "websocket">
): Pick<Harness, "clientCapabilities" | "connect"> => ({
  clientCapabilities: new Set([
    "binary",
    "garbage",
    "terminate",
    // During the upgrade from polling it is not deterministic which side detects a silent peer first.
    ...transports[0] === "websocket" ? ["ignorePings" as const, "stall" as const] : []
  ]),
  connect: ({ address, port }, { ignorePings }) => {
    const opened: Array<ReturnType<typeof io>> = []
    const connect = SocketIoTransport.connect((url, options) => {
      const socket = io(url, { ...options, transports: [...transports] })
      opened.push(socket)
      return socket
    })
    const engine = () => opened[0]!.io.engine as unknown as EngineIoInternals
    return Effect.map(clientFromWebSocket(() => connect(`ws://${address}:${port}/ws`)), (client) => {
      const engineIo = engine()
      const { _sendPacket: sendPacket } = engineIo
      if (ignorePings) {
        engineIo._sendPacket = (type, ...args) => type !== "pong" && sendPacket.call(engineIo, type, ...args)
      }
      return {
        ...client,
        binary: () => void opened[0]?.emit("message", new Uint8Array([1, 2, 3])),
        garbage: () => void engineIo.write("9 not a packet"),
        terminate: () => void engineIo.close(),
        stall: () => engineIo.transport.ws?.pause(),
        resume: () => engineIo.transport.ws?.resume()
      }
    })
  }
})

/** Clients on the in-memory transport, which can stall, ignore pings and terminate. */
export const memoryClients: Pick<Harness<MemoryConnector>, "clientCapabilities" | "connect"> = {
  clientCapabilities: new Set(["ignorePings", "stall", "terminate"]),
  connect: Effect.fnUntraced(function*(_, { ignorePings }) {
    const { accept } = yield* MemoryConnector
    const texts = yield* Queue.unbounded<string>()
    const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
    let stalledMessages: Array<string> | undefined
    let isClosed = false
    const closeClient = (code: number, reason = "") => {
      if (isClosed) return
      isClosed = true
      Deferred.doneUnsafe(closed, Effect.succeed({ code, reason }))
      queueMicrotask(() => events?.onClosed(code))
    }
    const resume = () => {
      for (const text of stalledMessages ?? []) Queue.offerUnsafe(texts, text)
      stalledMessages = undefined
      events?.onDrained()
    }
    const events = accept({
      write: (messages) => {
        if (stalledMessages !== undefined) stalledMessages.push(...messages)
        else for (const text of messages) Queue.offerUnsafe(texts, text)
      },
      unsentBytes: () => stalledMessages?.reduce((bytes, text) => bytes + text.length, 0) ?? 0,
      ping: () => ignorePings || queueMicrotask(() => events?.onPong()),
      close: (code, reason) => stalledMessages === undefined && closeClient(code, reason)
    })
    if (events === undefined) return yield* new ConnectFailed({ reason: "the connection was rejected" })
    const client: Client = {
      send: (text) => queueMicrotask(() => isClosed || events.onMessage(text)),
      close: (code) => queueMicrotask(() => closeClient(code)),
      nextMessage: Queue.take(texts),
      closed: Deferred.await(closed),
      stall: () => {
        stalledMessages = []
      },
      resume,
      terminate: () => closeClient(1006)
    }
    return client
  })
}

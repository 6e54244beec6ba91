/** Clients for conformance runs that are no plain WebSockets: over Socket.IO, and within the process. */
import { Deferred, Effect, Queue } from "effect"
import { io } from "socket.io-client"
import type { Socket } from "../../src/client/Client.ts"
import * as SocketIo from "../../src/client/SocketIo.ts"
import { type Client, type Harness, NotConnected } from "../../src/conformance/Socket.ts"
import { Memory } from "../../src/layers/socket/Memory.ts"

/** Anything that looks like a browser's WebSocket, as a client of the conformance run. */
const fromEndpoint = Effect.fnUntraced(function*(open: () => Socket) {
  const texts = yield* Queue.unbounded<string>()
  const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
  const endpoint = yield* Effect.acquireRelease(
    Effect.sync(open),
    (endpoint) => Effect.sync(() => endpoint.close(1000))
  )
  endpoint.addEventListener("message", (event) => {
    Queue.offerUnsafe(texts, (event as { readonly data: string }).data)
  })
  yield* Effect.callback<void, NotConnected>((resume) => {
    endpoint.addEventListener("open", () => resume(Effect.void))
    endpoint.addEventListener("close", (event) => {
      const { code, reason } = event as { readonly code: number; readonly reason: string }
      Deferred.doneUnsafe(closed, Effect.succeed({ code, reason }))
      resume(Effect.fail(new NotConnected({ why: `closed with ${code}` })))
    })
  })
  const client: Client = {
    send: endpoint.send,
    close: endpoint.close,
    next: Queue.take(texts),
    closed: Deferred.await(closed)
  }
  return client
})

/** Engine.IO's client, as far as it is bent here. */
interface Bent {
  _sendPacket: (type: string, ...words: ReadonlyArray<unknown>) => unknown
  readonly write: (data: string) => unknown
  readonly close: () => unknown
  readonly transport: { readonly ws?: { readonly pause: () => void; readonly resume: () => void } }
}

/** `socket.io-client`, by way of the client library's adapter. */
export const socketIo = (transports: ReadonlyArray<"polling" | "websocket">): Pick<Harness, "skills" | "connect"> => ({
  skills: new Set([
    "binary",
    "garbage",
    "vanish",
    // While polling gives way to a WebSocket, who hears of whose silence first is a matter of luck.
    ...transports[0] === "websocket" ? ["mute" as const, "stall" as const] : []
  ]),
  connect: ({ address, port }, { mute }) => {
    const opened: Array<ReturnType<typeof io>> = []
    const connect = SocketIo.connect((url, options) => {
      const socket = io(url, { ...options, transports: [...transports] })
      opened.push(socket)
      return socket
    })
    const engine = () => opened[0]!.io.engine as unknown as Bent
    return Effect.map(fromEndpoint(() => connect(`ws://${address}:${port}/ws`)), (client) => {
      const bent = engine()
      const { _sendPacket: sendPacket } = bent
      if (mute) bent._sendPacket = (type, ...words) => type !== "pong" && sendPacket.call(bent, type, ...words)
      return {
        ...client,
        binary: () => void opened[0]?.emit("message", new Uint8Array([1, 2, 3])),
        garbage: () => void bent.write("9 not a packet"),
        vanish: () => void bent.close(),
        stall: () => bent.transport.ws?.pause(),
        unstall: () => bent.transport.ws?.resume()
      }
    })
  }
})

/** Both ends in this process, over a wire that can stop, lose its pongs, and break. */
export const memory: Pick<Harness<Memory>, "skills" | "connect"> = {
  skills: new Set(["mute", "stall", "vanish"]),
  connect: Effect.fnUntraced(function*(_, { mute }) {
    const { accept } = yield* Memory
    const texts = yield* Queue.unbounded<string>()
    const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
    let waiting: Array<string> | undefined
    let over = false
    const end = (code: number, reason = "") => {
      if (over) return
      over = true
      Deferred.doneUnsafe(closed, Effect.succeed({ code, reason }))
      queueMicrotask(() => port?.closed(code))
    }
    const unstall = () => {
      for (const text of waiting ?? []) Queue.offerUnsafe(texts, text)
      waiting = undefined
      port?.drained()
    }
    const port = accept({
      write: (more) => {
        if (waiting !== undefined) waiting.push(...more)
        else for (const text of more) Queue.offerUnsafe(texts, text)
      },
      unsent: () => waiting?.reduce((bytes, text) => bytes + text.length, 0) ?? 0,
      ping: () => mute || queueMicrotask(() => port?.pong()),
      close: (code, reason) => waiting === undefined && end(code, reason)
    })
    if (port === undefined) return yield* new NotConnected({ why: "it was not taken" })
    const client: Client = {
      send: (text) => queueMicrotask(() => over || port.heard(text)),
      close: (code) => queueMicrotask(() => end(code)),
      next: Queue.take(texts),
      closed: Deferred.await(closed),
      stall: () => {
        waiting = []
      },
      unstall,
      vanish: () => end(1006)
    }
    return client
  })
}

/**
 * A WebSocket engine without a network (SOC3): both ends are in this process.
 *
 * **When to use**
 *
 * Use it in tests and simulations, and in applications that embed a server. Back-
 * pressure (CON8) and heartbeats (CON3) behave as on a network.
 *
 * **Details**
 *
 * `MemoryConnector.connect` makes a client with a perfect connection;
 * `MemoryConnector.accept` takes a connection over a pipe of your own, which can
 * delay, lose or reorder. What one end does, the other observes in a later turn.
 *
 * **Gotchas**
 *
 * Neither origins nor connections per address are checked; `limits.connections` is.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* Services.Socket.Socket
 *   const { connect } = yield* Layers.SocketMemory.MemoryConnector
 *   yield* socket.onConnection((connection) =>
 *     connection.deliver({ text: "welcome", lane: { _tag: "Reply" } }))
 *   yield* socket.start
 *   const client = connect()
 *   return yield* Effect.callback<unknown>((resume) =>
 *     client.addEventListener("message", (event) => resume(Effect.succeed(event)))
 *   )
 * })
 *
 * const engine = Layers.SocketMemory.layer(Domain.Limits.defaults)
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, engine))))
 * // => { data: "welcome" }
 * ```
 */
import { Context, Effect, Layer, Scheduler, type Scope } from "effect"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import * as FrameBatch from "../../delivery/FrameBatch.ts"
import * as SocketEngine from "../core/SocketEngine.ts"

/** The engine's end of a pipe. Its members must not call `PipeEvents` before they return. */
export interface PipeEnd {
  /** Frames of one turn, in order. */
  readonly write: (texts: ReadonlyArray<string>) => void
  /** Bytes written and not yet delivered; the engine's limits include them (CON8). */
  readonly unsentBytes: () => number
  readonly ping: () => void
  /** Sends the close frame; `onClosed` follows when the peer answers it. */
  readonly close: (code: number, reason: string) => void
}

/** The events of the other end of a pipe. */
export interface PipeEvents {
  readonly onMessage: (text: string) => void
  readonly onPong: () => void
  /** All unsent bytes were delivered. */
  readonly onDrained: () => void
  /** The peer closed, or was lost (1006). */
  readonly onClosed: (code: number) => void
}

/** The client's end: the part of a browser's `WebSocket` that clients use. */
export interface MemoryClient {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

/** Connects to the in-memory engine. */
export class MemoryConnector extends Context.Service<MemoryConnector, {
  /** Accepts a connection over any pipe; undefined while the engine is not running, or is full. */
  readonly accept: (pipe: PipeEnd, metadata?: Partial<ConnectionMetadata>) => PipeEvents | undefined
  /** A client with a perfect connection; it closes with 1006 if the connection is not accepted. */
  readonly connect: (metadata?: Partial<ConnectionMetadata>) => MemoryClient
}>()("choir/layers/socket/memory/SocketMemory/MemoryConnector") {}

const memoryAddress = { address: "memory", port: 0 }

const make = Effect.fnUntraced(function*(
  limits: Limits
): Effect.fn.Return<Context.Context<Socket | MemoryConnector>, never, Scope.Scope> {
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const runAfterTurn = (task: () => void) => dispatcher.scheduleTask(task, 0)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["ping", "pause", "backpressure", "batching"],
    runAfterTurn
  })
  let running = false

  const accept: MemoryConnector["Service"]["accept"] = (pipe, metadata = {}) => {
    if (!running || engine.connectionCount() >= limits.connections) return undefined
    /** Messages that arrived while reading was paused; undefined while it is not paused. */
    let pausedMessages: Array<string> | undefined
    const events = engine.accept({
      supportsBatching: true,
      write: (frames) => pipe.write(frames.flatMap(FrameBatch.texts)),
      unsentBytes: pipe.unsentBytes,
      ping: pipe.ping,
      close: pipe.close,
      terminate: () => {
        pipe.close(1006, "")
        events.onClosed(1006)
      },
      pause: () => void (pausedMessages ??= []),
      resume: () => {
        const messages = pausedMessages ?? []
        pausedMessages = undefined
        messages.forEach(onMessage)
      }
    }, { address: memoryAddress.address, origin: "", userAgent: "", ...metadata })
    const onMessage = (text: string) => {
      if (pausedMessages === undefined) return events.onMessage(text)
      events.onActivity()
      pausedMessages.push(text)
    }
    return {
      onMessage,
      onPong: () => events.onPong(),
      onDrained: () => events.onDrained(),
      onClosed: (code) => events.onClosed(code)
    }
  }

  yield* Effect.addFinalizer(() => Effect.sync(engine.terminateAll))

  const address = Effect.sync(() => running ? memoryAddress : undefined)
  const socket = engine.makeService({
    start: Effect.sync(() => {
      running = true
      return memoryAddress
    }),
    stop: Effect.sync(() => {
      running = false
      engine.closeAll()
    }),
    isRunning: Effect.sync(() => running),
    getAddress: Effect.map(address, (bound) => bound?.address),
    getPort: Effect.map(address, (at) => at?.port)
  })
  return Context.make(Socket, socket).pipe(
    Context.add(MemoryConnector, { accept, connect: (metadata) => connectClient(accept, runAfterTurn, metadata) })
  )
})

/** Connects a client to the engine. What one end does, the other observes in a later turn. */
const connectClient = (
  accept: MemoryConnector["Service"]["accept"],
  runAfterTurn: (task: () => void) => void,
  metadata: Partial<ConnectionMetadata> | undefined
): MemoryClient => {
  const listeners = {
    open: new Set<ClientListener>(),
    message: new Set<ClientListener>(),
    close: new Set<ClientListener>()
  }
  let open = true
  const emit = (type: keyof typeof listeners, event: unknown) =>
    runAfterTurn(() => listeners[type].forEach((listener) => listener(event)))
  const closeClient = (code: number, reason = "") => {
    if (!open) return
    open = false
    emit("close", { code, reason })
    runAfterTurn(() => events?.onClosed(code))
  }
  const events = accept({
    write: (texts) => {
      for (const data of texts) if (open) emit("message", { data })
    },
    unsentBytes: () => 0,
    ping: () => runAfterTurn(() => open && events?.onPong()),
    close: closeClient
  }, metadata)
  if (events === undefined) closeClient(1006)
  else emit("open", {})
  return {
    send: (text) => runAfterTurn(() => events?.onMessage(text)),
    close: (code) => closeClient(code),
    addEventListener: (type, listener) => {
      if (type !== "error") listeners[type].add(listener)
    }
  }
}

type ClientListener = (event: unknown) => void

/** The engine, and the connector that makes its connections. */
export const layer = (limits: Limits): Layer.Layer<Socket | MemoryConnector> => Layer.effectContext(make(limits))

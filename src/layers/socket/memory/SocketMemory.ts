/**
 * The WebSocket engine without a network (SOC3): both ends live in this
 * process, and text frames go from one to the other as they are.
 *
 * For tests, simulations and applications that hold their own server. Slow
 * peers are treated as on the wire (CON8), dead ones found by pings (CON3).
 */
import { Context, Effect, Layer, Scheduler, type Scope } from "effect"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import * as Uuids from "../../../domain/protocol/Uuids.ts"
import { type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import * as FrameBatch from "../../delivery/FrameBatch.ts"
import * as Entropy from "../../runtime/Entropy.ts"
import * as SocketEngine from "../core/SocketEngine.ts"

/** The way to a peer, as the engine uses it. Nothing of it may call back into the engine's `Port` at once. */
export interface PipeEnd {
  /** Frames of one turn, in order. */
  readonly write: (texts: ReadonlyArray<string>) => void
  /** Bytes that were written and have not left; the engine's limits count them (CON8). */
  readonly unsentBytes: () => number
  readonly ping: () => void
  /** The close frame; the peer's answer is `closed`. */
  readonly close: (code: number, reason: string) => void
}

/** What the peer does to the engine. */
export interface PipeEvents {
  readonly onMessage: (text: string) => void
  readonly onPong: () => void
  /** What was unsent has left. */
  readonly onDrained: () => void
  /** The peer closed, or was lost (1006). */
  readonly onClosed: (code: number) => void
}

/** A client's end: as much of a browser's `WebSocket` as clients use. */
export interface MemoryClient {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

/** How connections to the in-memory engine are made. */
export class MemoryConnector extends Context.Service<MemoryConnector, {
  /** Takes a connection over any wire; undefined while the engine is not running or is full. */
  readonly accept: (pipe: PipeEnd, metadata?: Partial<ConnectionMetadata>) => PipeEvents | undefined
  /** A client's end over a perfect wire; it closes with 1006 when the connection is not taken. */
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
    nextId: Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9)),
    runAfterTurn
  })
  let running = false

  const accept: MemoryConnector["Service"]["accept"] = (pipe, metadata = {}) => {
    if (!running || engine.connectionCount() >= limits.connections) return undefined
    /** What came while reading was paused; undefined while it is not. */
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
      engine.closeAll(closeCode.restart, "the server stops")
    }),
    isRunning: Effect.sync(() => running),
    getAddress: Effect.map(address, (bound) => bound?.address),
    getPort: Effect.map(address, (at) => at?.port)
  })
  return Context.make(Socket, socket).pipe(
    Context.add(MemoryConnector, { accept, connect: (metadata) => connectClient(accept, runAfterTurn, metadata) })
  )
})

/** Joins a client's end to the engine: whatever one side does, the other hears of it in a later turn. */
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

/** An engine for connections of this process; `Memory` makes them. */
export const layer = (limits: Limits): Layer.Layer<Socket | MemoryConnector> => Layer.effectContext(make(limits))

/**
 * The WebSocket engine without a network (SOC3): both ends live in this
 * process, and text frames go from one to the other as they are.
 *
 * For tests, simulations and applications that hold their own server. Slow
 * peers are treated as on the wire (CON8), dead ones found by pings (CON3).
 */
import { Context, Effect, Layer, Scheduler, type Scope } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { Limits } from "../../domain/Limits.ts"
import * as Uuids from "../../domain/Uuids.ts"
import { texts } from "../../services/Frame.ts"
import { type Metadata, Socket } from "../../services/Socket.ts"
import * as Entropy from "../Entropy.ts"
import * as Engine from "./Engine.ts"

/** The way to a peer, as the engine uses it. Nothing of it may call back into the engine's `Port` at once. */
export interface Wire {
  /** Frames of one turn, in order. */
  readonly write: (texts: ReadonlyArray<string>) => void
  /** Bytes that were written and have not left; the engine's limits count them (CON8). */
  readonly unsent: () => number
  readonly ping: () => void
  /** The close frame; the peer's answer is `closed`. */
  readonly close: (code: number, reason: string) => void
}

/** What the peer does to the engine. */
export interface Port {
  readonly heard: (text: string) => void
  readonly pong: () => void
  /** What was unsent has left. */
  readonly drained: () => void
  /** The peer closed, or was lost (1006). */
  readonly closed: (code: number) => void
}

/** A client's end: as much of a browser's `WebSocket` as clients use. */
export interface Endpoint {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

/** How connections to the in-memory engine are made. */
export class Memory extends Context.Service<Memory, {
  /** Takes a connection over any wire; undefined while the engine is not running or is full. */
  readonly accept: (wire: Wire, metadata?: Partial<Metadata>) => Port | undefined
  /** A client's end over a perfect wire; it closes with 1006 when the connection is not taken. */
  readonly connect: (metadata?: Partial<Metadata>) => Endpoint
}>()("choir/layers/socket/Memory") {}

const here = { address: "memory", port: 0 }

const make = Effect.fnUntraced(function*(
  limits: Limits
): Effect.fn.Return<Context.Context<Socket | Memory>, never, Scope.Scope> {
  const turns = (yield* Scheduler.Scheduler).makeDispatcher()
  const soon = (task: () => void) => turns.scheduleTask(task, 0)
  const engine = yield* Engine.make({
    limits,
    capabilities: ["ping", "pause", "backpressure", "coalescing"],
    nextId: Uuids.counter((yield* Entropy.Bytes)(9)),
    soon
  })
  let running = false

  const accept: Memory["Service"]["accept"] = (wire, metadata = {}) => {
    if (!running || engine.count() >= limits.connections) return undefined
    /** What came while reading was paused; undefined while it is not. */
    let held: Array<string> | undefined
    const port = engine.accept({
      gathers: true,
      write: (frames) => wire.write(frames.flatMap(texts)),
      unsent: wire.unsent,
      ping: wire.ping,
      close: wire.close,
      cut: () => {
        wire.close(1006, "")
        port.closed(1006)
      },
      pause: () => void (held ??= []),
      resume: () => {
        const texts = held ?? []
        held = undefined
        texts.forEach(heard)
      }
    }, { address: here.address, origin: "", userAgent: "", ...metadata })
    const heard = (text: string) => {
      if (held === undefined) return port.heard(text)
      port.alive()
      held.push(text)
    }
    return {
      heard,
      pong: () => port.pong(),
      drained: () => port.drained(),
      closed: (code) => port.closed(code)
    }
  }

  yield* Effect.addFinalizer(() => Effect.sync(engine.cutAll))

  const address = Effect.sync(() => running ? here : undefined)
  const socket = engine.service({
    start: Effect.sync(() => {
      running = true
      return here
    }),
    stop: Effect.sync(() => {
      running = false
      engine.closeAll(closeCode.restart, "the server stops")
    }),
    isRunning: Effect.sync(() => running),
    getAddress: Effect.map(address, (at) => at?.address),
    getPort: Effect.map(address, (at) => at?.port)
  })
  return Context.make(Socket, socket).pipe(
    Context.add(Memory, { accept, connect: (metadata) => join(accept, soon, metadata) })
  )
})

/** Joins a client's end to the engine: whatever one side does, the other hears of it in a later turn. */
const join = (
  accept: Memory["Service"]["accept"],
  soon: (task: () => void) => void,
  metadata: Partial<Metadata> | undefined
): Endpoint => {
  const listeners = { open: new Set<Listener>(), message: new Set<Listener>(), close: new Set<Listener>() }
  let open = true
  const emit = (type: keyof typeof listeners, event: unknown) =>
    soon(() => listeners[type].forEach((listener) => listener(event)))
  const end = (code: number, reason = "") => {
    if (!open) return
    open = false
    emit("close", { code, reason })
    soon(() => port?.closed(code))
  }
  const port = accept({
    write: (texts) => {
      for (const data of texts) if (open) emit("message", { data })
    },
    unsent: () => 0,
    ping: () => soon(() => open && port?.pong()),
    close: end
  }, metadata)
  if (port === undefined) end(1006)
  else emit("open", {})
  return {
    send: (text) => soon(() => port?.heard(text)),
    close: (code) => end(code),
    addEventListener: (type, listener) => {
      if (type !== "error") listeners[type].add(listener)
    }
  }
}

type Listener = (event: unknown) => void

/** An engine for connections of this process; `Memory` makes them. */
export const layer = (limits: Limits): Layer.Layer<Socket | Memory> => Layer.effectContext(make(limits))

/**
 * A TCP proxy that injects network faults between clients and the server: resets, black holes, one-way stalls, delay and
 * one-byte writes. The fault can change while connections are open. Like TCP, it never reorders bytes, and loses none
 * unless the connection is reset.
 */
import { Effect, type Scope } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** The current faults of all connections. */
export type NetworkFault =
  | { readonly _tag: "None" }
  /** Forwards nothing in either direction, neither bytes nor the end of a connection. */
  | { readonly _tag: "BlackHole" }
  /** Holds back bytes to the client only. */
  | { readonly _tag: "StallDown" }
  /** Holds back bytes to the server only. */
  | { readonly _tag: "StallUp" }
  | { readonly _tag: "Delay"; readonly millis: number }
  /** Forwards one byte per write. */
  | { readonly _tag: "OneByte" }

/** A port of this machine, or the path of a server's socket. */
export type ProxyTarget = number | string

/** A running proxy. */
export interface FaultProxy {
  /** The URL to use in place of the server's. */
  readonly url: string
  /** Changes the fault; bytes held back so far are forwarded under the new one. */
  readonly setFault: (fault: NetworkFault) => Effect.Effect<void>
  /** Resets every open connection on both sides; returns their number. */
  readonly resetConnections: Effect.Effect<number>
  /** Leads connections from now on to another server, as a failover does. */
  readonly setTarget: (target: ProxyTarget) => Effect.Effect<void>
}

/** One direction of one connection. */
interface Flow {
  readonly to: Socket
  readonly direction: "up" | "down"
  readonly queued: Array<{ readonly bytes: Buffer; readonly due: number }>
  /** The source has closed; the target is closed after the queued bytes. */
  sourceClosed: boolean
  writing: boolean
}

const isStalled = (fault: NetworkFault, direction: Flow["direction"]): boolean =>
  fault._tag === "BlackHole" || fault._tag === (direction === "up" ? "StallUp" : "StallDown")

/** Listens on a free port until the scope ends, and forwards to the target. */
export const makeFaultProxy = (initialTarget: ProxyTarget): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const run = Effect.runForkWith(yield* Effect.context())
    const flows = new Set<Flow>()
    let fault: NetworkFault = { _tag: "None" }
    let target = initialTarget

    const pumpLater = (flow: Flow, millis: number): void => {
      run(Effect.delay(
        Effect.sync(() => {
          flow.writing = false
          pump(flow)
        }),
        millis
      ))
    }

    /** Forwards queued bytes in order, as far as the fault permits. */
    const pump = (flow: Flow): void => {
      if (flow.writing || isStalled(fault, flow.direction)) return
      const next = flow.queued[0]
      if (next === undefined) {
        if (flow.sourceClosed) flow.to.destroy()
        return
      }
      flow.writing = true
      const wait = fault._tag === "Delay" ? next.due - clock.currentTimeMillisUnsafe() : 0
      if (wait > 0) return pumpLater(flow, wait)
      flow.queued.shift()
      const oneByte = fault._tag === "OneByte"
      if (oneByte && next.bytes.length > 1) flow.queued.unshift({ bytes: next.bytes.subarray(1), due: next.due })
      flow.to.write(oneByte ? next.bytes.subarray(0, 1) : next.bytes, () => {
        flow.writing = false
        pump(flow)
      })
    }

    const forward = (from: Socket, to: Socket, direction: Flow["direction"]): void => {
      const flow: Flow = { to, direction, queued: [], sourceClosed: false, writing: false }
      flows.add(flow)
      to.setNoDelay(true)
      from.on("data", (bytes: Buffer) => {
        flow.queued.push({ bytes, due: clock.currentTimeMillisUnsafe() + (fault._tag === "Delay" ? fault.millis : 0) })
        pump(flow)
      })
      from.on("error", () => {})
      from.on("close", () => {
        flow.sourceClosed = true
        pump(flow)
      })
      to.on("close", () => flows.delete(flow))
    }

    const server = createServer((down) => {
      const up = typeof target === "number" ? connect(target, "127.0.0.1") : connect(target)
      forward(down, up, "up")
      forward(up, down, "down")
    })

    const resetConnections = Effect.sync(() => {
      const open = [...flows]
      // A socket of the file system has no reset.
      for (const { to } of open) {
        if (to.remoteFamily === undefined) to.destroy()
        else to.resetAndDestroy()
      }
      return open.length / 2
    })

    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.andThen(resetConnections, Effect.sync(() => server.close()))
    )
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      setFault: (next) =>
        Effect.sync(() => {
          fault = next
          for (const flow of flows) pump(flow)
        }),
      resetConnections,
      setTarget: (next) =>
        Effect.sync(() => {
          target = next
        })
    }
  })

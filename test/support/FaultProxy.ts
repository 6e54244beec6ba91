/**
 * A TCP proxy between a client and the server that does what networks do: cuts, swallows, stalls one way, delays,
 * and hands bytes over one at a time. The fault can be changed while connections are open; bytes never change their
 * order, and none is lost unless its connection is.
 */
import { Effect, type Scope } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export type Fault =
  | { readonly _tag: "None" }
  /** Accepts, reads, and passes nothing on in either direction: neither bytes nor the end of the connection. */
  | { readonly _tag: "BlackHole" }
  /** The server's bytes do not reach the client; the other way works. */
  | { readonly _tag: "StallDown" }
  /** The client's bytes do not reach the server. */
  | { readonly _tag: "StallUp" }
  | { readonly _tag: "Delay"; readonly millis: number }
  /** Every write carries one byte. */
  | { readonly _tag: "OneByte" }

export interface FaultProxy {
  /** As a server's address. */
  readonly url: string
  /** What waited for the old fault is passed on as the new one says. */
  readonly set: (fault: Fault) => Effect.Effect<void>
  /** Ends every open connection with a reset, on both sides; gives how many those were. */
  readonly cut: Effect.Effect<number>
}

/** One direction of one connection. */
interface Flow {
  readonly to: Socket
  readonly direction: "up" | "down"
  readonly waiting: Array<{ readonly bytes: Buffer; readonly due: number }>
  /** The other side has ended; it is passed on after what waits. */
  over: boolean
  busy: boolean
}

const stalls = (fault: Fault, direction: Flow["direction"]): boolean =>
  fault._tag === "BlackHole" || fault._tag === (direction === "up" ? "StallUp" : "StallDown")

/** Listens on a port of its own until the scope ends, and passes on to `port`. */
export const make = (port: number): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const run = Effect.runForkWith(yield* Effect.context())
    const flows = new Set<Flow>()
    let fault: Fault = { _tag: "None" }

    const later = (flow: Flow, millis: number): void => {
      run(Effect.delay(
        Effect.sync(() => {
          flow.busy = false
          pump(flow)
        }),
        millis
      ))
    }

    /** Hands on what may go now, in order. */
    const pump = (flow: Flow): void => {
      if (flow.busy || stalls(fault, flow.direction)) return
      const next = flow.waiting[0]
      if (next === undefined) {
        if (flow.over) flow.to.destroy()
        return
      }
      flow.busy = true
      const wait = fault._tag === "Delay" ? next.due - clock.currentTimeMillisUnsafe() : 0
      if (wait > 0) return later(flow, wait)
      flow.waiting.shift()
      const one = fault._tag === "OneByte"
      if (one && next.bytes.length > 1) flow.waiting.unshift({ bytes: next.bytes.subarray(1), due: next.due })
      flow.to.write(one ? next.bytes.subarray(0, 1) : next.bytes, () => {
        flow.busy = false
        pump(flow)
      })
    }

    const pass = (from: Socket, to: Socket, direction: Flow["direction"]): void => {
      const flow: Flow = { to, direction, waiting: [], over: false, busy: false }
      flows.add(flow)
      to.setNoDelay(true)
      from.on("data", (bytes: Buffer) => {
        flow.waiting.push({ bytes, due: clock.currentTimeMillisUnsafe() + (fault._tag === "Delay" ? fault.millis : 0) })
        pump(flow)
      })
      from.on("error", () => {})
      from.on("close", () => {
        flow.over = true
        pump(flow)
      })
      to.on("close", () => flows.delete(flow))
    }

    const server = createServer((down) => {
      const up = connect(port, "127.0.0.1")
      pass(down, up, "up")
      pass(up, down, "down")
    })

    const cut = Effect.sync(() => {
      const open = [...flows]
      for (const flow of open) flow.to.resetAndDestroy()
      return open.length / 2
    })

    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.andThen(cut, Effect.sync(() => server.close()))
    )
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      set: (next) =>
        Effect.sync(() => {
          fault = next
          for (const flow of flows) pump(flow)
        }),
      cut
    }
  })

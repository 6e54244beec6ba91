/**
 * A TCP proxy between a client and the server that does what networks do: cuts, swallows, stalls one way, delays,
 * and hands bytes over one at a time. The fault can be changed while connections are open; bytes never change their
 * order, and none is lost unless its connection is.
 */
import { Effect, type Scope } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export type NetworkFault =
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
  readonly setFault: (fault: NetworkFault) => Effect.Effect<void>
  /** Ends every open connection with a reset, on both sides; gives how many those were. */
  readonly resetConnections: Effect.Effect<number>
}

/** One direction of one connection. */
interface Flow {
  readonly to: Socket
  readonly direction: "up" | "down"
  readonly queued: Array<{ readonly bytes: Buffer; readonly due: number }>
  /** The other side has ended; it is passed on after what waits. */
  sourceClosed: boolean
  writing: boolean
}

const isStalled = (fault: NetworkFault, direction: Flow["direction"]): boolean =>
  fault._tag === "BlackHole" || fault._tag === (direction === "up" ? "StallUp" : "StallDown")

/** Listens on a port of its own until the scope ends, and passes on to `port`. */
export const makeFaultProxy = (port: number): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const run = Effect.runForkWith(yield* Effect.context())
    const flows = new Set<Flow>()
    let fault: NetworkFault = { _tag: "None" }

    const pumpLater = (flow: Flow, millis: number): void => {
      run(Effect.delay(
        Effect.sync(() => {
          flow.writing = false
          pump(flow)
        }),
        millis
      ))
    }

    /** Hands on what may go now, in order. */
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
      const up = connect(port, "127.0.0.1")
      forward(down, up, "up")
      forward(up, down, "down")
    })

    const resetConnections = Effect.sync(() => {
      const open = [...flows]
      for (const flow of open) flow.to.resetAndDestroy()
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
      resetConnections
    }
  })

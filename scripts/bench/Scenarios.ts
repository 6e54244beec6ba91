/** What is measured, and what is to come out of it. */
import type { Load, Window } from "./load/Job.ts"
import * as Servers from "./Servers.ts"

/** The value, or its ratio to that of plain `ws` in the same round, stays at or below `max`, or reaches `min`. */
export interface Goal {
  readonly of: string
  readonly against: "ws" | "itself"
  readonly max?: number
  readonly min?: number
}

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly load: Load
  /** A smaller load for `--quick`. */
  readonly quick?: Load
  readonly goals: ReadonlyArray<Goal>
  readonly servers: ReadonlyArray<Servers.Server>
  readonly window: Window
}

const cost = "µs/delivery"

const everybody = [Servers.ws, Servers.socketio, Servers.uws]
const window: Window = { warmup: 1500, measure: 3000 }

const publish = (
  name: string,
  about: string,
  [rooms, members]: readonly [number, number],
  publishers: "one" | "all",
  max: number,
  rest: Partial<Extract<Load, { readonly kind: "publish" }>> = {}
): Scenario => ({
  name,
  about,
  load: { kind: "publish", rooms, members, publishers, burst: 1, what: "signal", rate: 0, ...rest },
  goals: [{ of: cost, against: "ws", max }],
  servers: everybody,
  window
})

const atRate = (name: string, about: string, load: Load): Scenario => ({
  name,
  about,
  load,
  goals: [{ of: "p50 ms", against: "ws", max: 1.1 }, { of: "p99 ms", against: "ws", max: 1.5 }],
  servers: [Servers.ws],
  window: { warmup: 4000, measure: 6000 }
})

const rate = { kind: "publish", burst: 1, what: "signal" } as const

export const all: ReadonlyArray<Scenario> = [
  publish("fanout-100", "one sends, 100 hear it, then the next", [1, 100], "one", 0.85),
  publish("fanout-1000", "one sends, 1,000 hear it, then the next", [1, 1000], "one", 0.85),
  publish("burst-1000", "one sends 10 at once, 1,000 hear them", [1, 1000], "one", 0.13, { burst: 10 }),
  publish("rooms", "250 rooms of 4, everybody sends", [250, 4], "all", 0.42),
  publish("rooms-burst", "250 rooms of 4, everybody sends 10 at once", [250, 4], "all", 0.13, { burst: 10 }),
  publish("thread-burst", "10 messages of a thread at once, durable, to 1,000", [1, 1000], "one", 0.5, {
    burst: 10,
    what: "thread"
  }),
  {
    name: "request",
    about: "100 connections, each asks and is answered",
    load: { kind: "request", connections: 100, rate: 0 },
    goals: [{ of: cost, against: "ws", max: 0.95 }],
    servers: everybody,
    window
  },
  atRate("fanout-100-rate", "100 members, 100 messages/s", {
    ...rate,
    rooms: 1,
    members: 100,
    publishers: "one",
    rate: 100
  }),
  atRate("fanout-1000-rate", "1,000 members, 20 messages/s", {
    ...rate,
    rooms: 1,
    members: 1000,
    publishers: "one",
    rate: 20
  }),
  atRate("rooms-rate", "250 rooms of 4, 2,000 messages/s", {
    ...rate,
    rooms: 250,
    members: 4,
    publishers: "all",
    rate: 2000
  }),
  atRate("request-rate", "2,000 requests/s", { kind: "request", connections: 100, rate: 2000 })
]

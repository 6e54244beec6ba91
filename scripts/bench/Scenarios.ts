/** The scenarios of the benchmark: a load, its warm-up and measurement window, and the goals for the results. */
import type { Limits } from "../../src/domain/protocol/Limits.ts"
import type { Load, MeasurementWindow, ScenarioLoad } from "./load/LoadSpec.ts"
import * as Servers from "./Servers.ts"

/**
 * A bound on a result of Choir, or on its ratio to plain `ws` in the same round. Without bounds it is only reported.
 */
export interface Goal {
  readonly of: string
  readonly against?: "ws"
  readonly max?: number
  readonly min?: number
}

/** One scenario. */
export interface Scenario {
  readonly name: string
  readonly about: string
  readonly load: ScenarioLoad
  /** A smaller load for `--quick`; false leaves the scenario out. */
  readonly quick?: ScenarioLoad | false
  readonly goals: ReadonlyArray<Goal>
  readonly comparedWith: ReadonlyArray<Servers.BenchServer>
  readonly window: MeasurementWindow
  /** Limits of Choir that are raised, because the load would exceed them. */
  readonly raisedLimits: ReadonlyArray<keyof Limits>
}

type PublishLoad = Extract<Load, { readonly kind: "publish" }>

const allServers = [Servers.wsServer, Servers.socketIoServer, Servers.uwsServer]

const makeScenario = (
  name: string,
  about: string,
  load: ScenarioLoad,
  goals: ReadonlyArray<Goal>,
  overrides: Partial<Scenario> = {}
): Scenario => ({
  name,
  about,
  load,
  goals,
  comparedWith: allServers,
  window: { warmup: 1500, measure: 3000 },
  raisedLimits: Servers.multiUserLimits,
  ...overrides
})

const roomLoad = (rooms: number, members: number, overrides: Partial<PublishLoad> = {}): PublishLoad => ({
  kind: "publish",
  rooms,
  members,
  publishers: rooms === 1 ? "one" : "all",
  burst: 1,
  what: "signal",
  rate: 0,
  stalled: 0,
  text: 65,
  ...overrides
})

/** Closed loop, at saturation: server CPU per delivery. */
const cpuGoal = (max: number): ReadonlyArray<Goal> => [{ of: "µs/delivery", against: "ws", max }]

/** Open loop, well below saturation: latency. */
const latencyOptions: Partial<Scenario> = { comparedWith: [Servers.wsServer], window: { warmup: 4000, measure: 6000 } }
/** The same, left out by `--quick`. */
const slowLatencyOptions: Partial<Scenario> = { ...latencyOptions, quick: false }
const latencyGoals: ReadonlyArray<Goal> = [
  { of: "p50 ms", against: "ws", max: 1.1 },
  { of: "p99 ms", against: "ws", max: 1.5 }
]

const noAbuse = { kind: "abuse", idle: 0, silent: 0, slowloris: 0, flood: 0, readers: 0, churn: 0 } as const

/** How much abusive clients delay healthy ones. */
const noisyNeighbours = (
  name: string,
  about: string,
  abusive: Partial<Extract<Load, { readonly kind: "abuse" }>>,
  millis: number
) =>
  makeScenario(
    name,
    about,
    {
      kind: "noisy-neighbours",
      healthy: roomLoad(25, 4, { rate: 200 }),
      abuse: { ...noAbuse, ...abusive },
      duration: millis
    },
    [{ of: "p99/quiet", max: 2 }, { of: "p99/spared", max: 2 }],
    {
      comparedWith: [],
      window: { warmup: 3000, measure: 8000 },
      quick: false,
      raisedLimits: abusive.readers === undefined ? Servers.singleAddressLimits : Servers.writerLimits
    }
  )

/** Choir compared with other servers. */
export const comparisonScenarios: ReadonlyArray<Scenario> = [
  makeScenario(
    "fanout-100",
    "one of 100 members sends; the next message follows when all have received it",
    roomLoad(1, 100),
    cpuGoal(0.85)
  ),
  makeScenario(
    "fanout-1000",
    "one of 1,000 members sends; the next message follows when all have received it",
    roomLoad(1, 1000),
    cpuGoal(0.85)
  ),
  makeScenario(
    "burst-1000",
    "one of 1,000 members sends bursts of 10",
    roomLoad(1, 1000, { burst: 10 }),
    cpuGoal(0.13)
  ),
  makeScenario("rooms", "250 rooms of 4, all members send", roomLoad(250, 4), cpuGoal(0.42)),
  makeScenario(
    "rooms-burst",
    "250 rooms of 4, all members send bursts of 10",
    roomLoad(250, 4, { burst: 10 }),
    cpuGoal(0.13)
  ),
  makeScenario(
    "thread-burst",
    "bursts of 10 durable messages in a thread with 1,000 subscribers; signals on the other servers",
    roomLoad(1, 1000, { burst: 10, what: "thread" }),
    cpuGoal(0.5)
  ),
  makeScenario(
    "request",
    "100 connections, one request in flight on each",
    { kind: "request", connections: 100, rate: 0 },
    [
      { of: "µs/request", against: "ws", max: 0.95 }
    ]
  ),
  makeScenario(
    "commands",
    "64 rooms, 32 durable commands in flight in each",
    { kind: "commands", connections: 64, inFlight: 32 },
    [{ of: "per second", min: 20_000 }, { of: "µs/command" }],
    { comparedWith: [] }
  ),
  makeScenario(
    "fanout-100-rate",
    "100 members, 100 messages/s",
    roomLoad(1, 100, { rate: 100 }),
    latencyGoals,
    slowLatencyOptions
  ),
  makeScenario(
    "fanout-1000-rate",
    "1,000 members, 20 messages/s",
    roomLoad(1, 1000, { rate: 20 }),
    latencyGoals,
    slowLatencyOptions
  ),
  makeScenario(
    "rooms-rate",
    "250 rooms of 4, 2,000 messages/s",
    roomLoad(250, 4, { rate: 2000 }),
    latencyGoals,
    latencyOptions
  ),
  makeScenario(
    "request-rate",
    "2,000 requests/s",
    { kind: "request", connections: 100, rate: 2000 },
    latencyGoals,
    slowLatencyOptions
  ),
  makeScenario("idle", "10,000 idle members in rooms of 4", { kind: "idle", connections: 10_000 }, [
    { of: "KB/connection", max: 10 },
    { of: "µs/connection", against: "ws" }
  ], { quick: { kind: "idle", connections: 1000 } }),
  makeScenario("churn", "users resume a session, subscribe to a room of 4 and disconnect", {
    kind: "churn",
    concurrency: 32
  }, [
    { of: "µs/visit", against: "ws" }
  ], { quick: false }),
  makeScenario(
    "recovery",
    "1,000 clients lose their connections, miss 50 messages, and reconnect at once",
    { kind: "recover", clients: 1000, missed: 50 },
    [{ of: "recovery ms", max: 2000 }],
    { comparedWith: [] }
  ),
  makeScenario(
    "stalled",
    "bursts of 10 to 100 members, 10 of whom do not read",
    roomLoad(1, 100, { burst: 10, stalled: 10 }),
    [{ of: "MB grown", max: 32 }, { of: "µs/delivery", against: "ws" }],
    { comparedWith: [Servers.wsServer] }
  ),
  noisyNeighbours("silence", "25 rooms of 4 at 200 messages/s, among 2,000 silent and 2,000 slowloris connections", {
    silent: 2000,
    slowloris: 2000
  }, 15_000),
  noisyNeighbours("flood", "the same beside one user who sends 10,000 messages/s", { flood: 10_000 }, 15_000),
  noisyNeighbours(
    "readers",
    "the same beside one user who reads a thread of 5 MB on 8 connections, again and again",
    { readers: 8 },
    15_000
  ),
  noisyNeighbours(
    "crowd",
    "the same among 10,000 idle, 2,000 silent and 2,000 slowloris connections, a flood of 2,000 messages/s from one " +
      "user, and 1,000 visits/s, for a minute",
    { idle: 10_000, silent: 2000, slowloris: 2000, flood: 2000, churn: 1000 },
    60_000
  )
]

const reportOnly = (of: string): ReadonlyArray<Goal> => [{ of }]
const choirOnly: Partial<Scenario> = { comparedWith: [] }

/** How Choir's costs grow, by factors of ten: for planning a deployment. */
export const growthScenarios: ReadonlyArray<Scenario> = [
  ...[10, 100, 1000].map((members) =>
    makeScenario(`members-${members}`, "one room", roomLoad(1, members), reportOnly("µs/delivery"), choirOnly)
  ),
  ...[2, 25, 250].map((rooms) =>
    makeScenario(
      `rooms-${rooms}`,
      "rooms of 4, 200 messages/s in all",
      roomLoad(rooms, 4, { rate: 200 }),
      reportOnly("µs/delivery"),
      choirOnly
    )
  ),
  ...[30, 300, 3000].map((text) =>
    makeScenario(
      `text-${text}`,
      "characters in a message to 100",
      roomLoad(1, 100, { text }),
      reportOnly("µs/delivery"),
      choirOnly
    )
  ),
  ...[100, 1000, 10_000].map((connections) =>
    makeScenario(`idle-${connections}`, "idle connections", { kind: "idle", connections }, [
      ...reportOnly("KB/connection"),
      ...reportOnly("µs/connection")
    ], choirOnly)
  ),
  ...[1, 10, 100].map((inFlight) =>
    makeScenario(
      `commands-${inFlight}`,
      "durable commands in flight in each of 10 rooms",
      { kind: "commands", connections: 10, inFlight },
      [...reportOnly("µs/command"), ...reportOnly("per second"), ...reportOnly("p50 ms")],
      choirOnly
    )
  ),
  ...[10, 100, 1000].map((clients) =>
    makeScenario(
      `recovery-${clients}`,
      "clients that reconnect after 50 missed messages",
      { kind: "recover", clients, missed: 50 },
      [...reportOnly("recovery ms"), ...reportOnly("µs/recovery")],
      choirOnly
    )
  )
]

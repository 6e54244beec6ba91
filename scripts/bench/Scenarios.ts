/** What is measured, and what is to come out of it. */
import type { Limits } from "../../src/domain/Limits.ts"
import type { Load, Plan, Window } from "./load/Job.ts"
import * as Servers from "./Servers.ts"

/** A value of Choir, or its ratio to that of plain `ws` in the same round: at most `max`, at least `min`, or only told. */
export interface Goal {
  readonly of: string
  readonly against?: "ws"
  readonly max?: number
  readonly min?: number
}

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly load: Plan
  /** A smaller load for `--quick`; false leaves the scenario out. */
  readonly quick?: Plan | false
  readonly goals: ReadonlyArray<Goal>
  readonly others: ReadonlyArray<Servers.Server>
  readonly window: Window
  /** Limits that are in the way of this load. */
  readonly raised: ReadonlyArray<keyof Limits>
}

type Publish = Extract<Load, { readonly kind: "publish" }>

const everybody = [Servers.ws, Servers.socketio, Servers.uws]

const scenario = (
  name: string,
  about: string,
  load: Plan,
  goals: ReadonlyArray<Goal>,
  rest: Partial<Scenario> = {}
): Scenario => ({
  name,
  about,
  load,
  goals,
  others: everybody,
  window: { warmup: 1500, measure: 3000 },
  raised: Servers.forPeople,
  ...rest
})

const room = (rooms: number, members: number, rest: Partial<Publish> = {}): Publish => ({
  kind: "publish",
  rooms,
  members,
  publishers: rooms === 1 ? "one" : "all",
  burst: 1,
  what: "signal",
  rate: 0,
  stalled: 0,
  text: 65,
  ...rest
})

/** At saturation: server CPU per delivery. */
const cost = (max: number): ReadonlyArray<Goal> => [{ of: "µs/delivery", against: "ws", max }]

/** Well below saturation: how long a message takes. */
const delay: Partial<Scenario> = { others: [Servers.ws], window: { warmup: 4000, measure: 6000 } }
/** Takes too long for `--quick`. */
const unhurried: Partial<Scenario> = { ...delay, quick: false }
const prompt: ReadonlyArray<Goal> = [
  { of: "p50 ms", against: "ws", max: 1.1 },
  { of: "p99 ms", against: "ws", max: 1.5 }
]

const nobody = { kind: "mob", idle: 0, silent: 0, dribbling: 0, flood: 0, churn: 0 } as const

/** What healthy people notice of others. */
const crowd = (name: string, told: string, mob: Partial<Extract<Load, { readonly kind: "mob" }>>, lasting: number) =>
  scenario(
    name,
    told,
    { kind: "crowd", healthy: room(25, 4, { rate: 200 }), mob: { ...nobody, ...mob }, lasting },
    [{ of: "p99/quiet", max: 2 }, { of: "p99/spared", max: 2 }],
    { others: [], window: { warmup: 3000, measure: 8000 }, quick: false, raised: Servers.forOneAddress }
  )

export const all: ReadonlyArray<Scenario> = [
  scenario("fanout-100", "one sends, 100 hear it, then the next", room(1, 100), cost(0.85)),
  scenario("fanout-1000", "one sends, 1,000 hear it, then the next", room(1, 1000), cost(0.85)),
  scenario("burst-1000", "one sends 10 at once, 1,000 hear them", room(1, 1000, { burst: 10 }), cost(0.13)),
  scenario("rooms", "250 rooms of 4, everybody sends", room(250, 4), cost(0.42)),
  scenario("rooms-burst", "250 rooms of 4, everybody sends 10 at once", room(250, 4, { burst: 10 }), cost(0.13)),
  scenario(
    "thread-burst",
    "10 messages of a thread at once, durable, to 1,000; to the others they are signals",
    room(1, 1000, { burst: 10, what: "thread" }),
    cost(0.5)
  ),
  scenario("request", "100 connections, each asks and is answered", { kind: "request", connections: 100, rate: 0 }, [
    { of: "µs/request", against: "ws", max: 0.95 }
  ]),
  scenario(
    "commands",
    "64 rooms, 32 durable commands under way in each",
    { kind: "commands", connections: 64, inFlight: 32 },
    [{ of: "per second", min: 20_000 }, { of: "µs/command" }],
    { others: [] }
  ),
  scenario("fanout-100-rate", "100 members, 100 messages/s", room(1, 100, { rate: 100 }), prompt, unhurried),
  scenario("fanout-1000-rate", "1,000 members, 20 messages/s", room(1, 1000, { rate: 20 }), prompt, unhurried),
  scenario("rooms-rate", "250 rooms of 4, 2,000 messages/s", room(250, 4, { rate: 2000 }), prompt, delay),
  scenario("request-rate", "2,000 requests/s", { kind: "request", connections: 100, rate: 2000 }, prompt, unhurried),
  scenario("idle", "10,000 people in rooms of 4, and nothing happens", { kind: "idle", connections: 10_000 }, [
    { of: "KB/connection", max: 10 },
    { of: "µs/connection", against: "ws" }
  ], { quick: { kind: "idle", connections: 1000 } }),
  scenario("churn", "people come back, enter a room of 4 and go", { kind: "churn", concurrency: 32 }, [
    { of: "µs/visit", against: "ws" }
  ], { quick: false }),
  scenario(
    "recovery",
    "1,000 clients lose their connections, miss 50 messages, and come back at once",
    { kind: "recover", clients: 1000, missed: 50 },
    [{ of: "recovery ms", max: 2000 }],
    { others: [] }
  ),
  scenario(
    "stalled",
    "bursts of 10 to 100 members, 10 of whom do not read",
    room(1, 100, { burst: 10, stalled: 10 }),
    [{ of: "MB grown", max: 32 }, { of: "µs/delivery", against: "ws" }],
    { others: [Servers.ws] }
  ),
  crowd("silence", "25 rooms of 4 at 200 messages/s, among 2,000 silent and 2,000 dribbling connections", {
    silent: 2000,
    dribbling: 2000
  }, 15_000),
  crowd("flood", "the same beside one user who sends 10,000 messages/s", { flood: 10_000 }, 15_000),
  crowd(
    "crowd",
    "the same among 10,000 idle, 2,000 silent and 2,000 dribbling connections, a flood of 2,000 messages/s from one " +
      "user, and 1,000 visits/s, for a minute",
    { idle: 10_000, silent: 2000, dribbling: 2000, flood: 2000, churn: 1000 },
    60_000
  )
]

const told = (of: string): ReadonlyArray<Goal> => [{ of }]
const alone: Partial<Scenario> = { others: [] }

/** What grows with what, ten times at a step: for whoever plans a deployment. */
export const growth: ReadonlyArray<Scenario> = [
  ...[10, 100, 1000].map((members) =>
    scenario(`members-${members}`, "one room", room(1, members), told("µs/delivery"), alone)
  ),
  ...[2, 25, 250].map((rooms) =>
    scenario(
      `rooms-${rooms}`,
      "rooms of 4, 200 messages/s in all",
      room(rooms, 4, { rate: 200 }),
      told("µs/delivery"),
      alone
    )
  ),
  ...[30, 300, 3000].map((text) =>
    scenario(`text-${text}`, "characters in a message to 100", room(1, 100, { text }), told("µs/delivery"), alone)
  ),
  ...[100, 1000, 10_000].map((connections) =>
    scenario(`idle-${connections}`, "idle connections", { kind: "idle", connections }, [
      ...told("KB/connection"),
      ...told("µs/connection")
    ], alone)
  ),
  ...[1, 10, 100].map((inFlight) =>
    scenario(
      `commands-${inFlight}`,
      "durable commands under way in each of 10 rooms",
      { kind: "commands", connections: 10, inFlight },
      [...told("µs/command"), ...told("per second"), ...told("p50 ms")],
      alone
    )
  ),
  ...[10, 100, 1000].map((clients) =>
    scenario(
      `recovery-${clients}`,
      "clients that come back to 50 missed messages",
      { kind: "recover", clients, missed: 50 },
      [...told("recovery ms"), ...told("µs/recovery")],
      alone
    )
  )
]

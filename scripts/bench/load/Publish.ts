/** Rooms in which one member, or everybody, sends, and all hear it. */
import { Effect } from "effect"
import * as Dialect from "./Dialect.ts"
import * as Frame from "./Frame.ts"
import type { Job, Load } from "./Job.ts"
import { type Counts, Latencies, measure } from "./Meter.ts"
import { dial, type Peer } from "./Peer.ts"
import * as Template from "./Template.ts"

type Publish = Extract<Load, { readonly kind: "publish" }>

/** When each of a sender's latest messages went out. */
const remembered = 1024

interface Seat {
  readonly member: Dialect.Member
  readonly peer: Peer
  readonly room: Room
  readonly template: Template.Template
  readonly sentAt: Float64Array
  sent: number
  /** Of its own messages, how many it has heard. */
  echoes: number
}

interface Room {
  readonly topic: string
  readonly seats: Array<Seat>
  /** Deliveries of the burst under way. */
  heard: number
}

/** How many connections are made at once. */
export const atOnce = 64

const send = (seat: Seat, burst: number, at: number) => {
  for (let i = 0; i < burst; i++) seat.sentAt[(seat.sent + i) % remembered] = at
  seat.peer.write(Template.burst(seat.template, seat.sent, burst))
  seat.sent += burst
}

/** What a seat does with a frame: counts, samples, and sends the next when its turn has come. */
const listen = (seat: Seat, seats: ReadonlyArray<Seat>, load: Publish, lead: number, counts: Counts) => {
  const { room } = seat
  const whole = room.seats.length * load.burst
  const all = load.publishers === "all"
  const closed = load.rate === 0
  const arrived = (from: Seat, number: number, events: number) => {
    counts.delivered += events
    if ((counts.delivered & 7) === 0 || !closed) {
      counts.latencies.add(performance.now() - from.sentAt[number % remembered]!)
    }
    if (!closed) return
    if (all) {
      if (from !== seat || (seat.echoes += events) % load.burst !== 0) return
      send(seat, load.burst, performance.now())
    } else if ((room.heard += events) === whole) {
      room.heard = 0
      send(room.seats[0]!, load.burst, performance.now())
    }
  }
  seat.peer.onFrame = (bytes, start, end) => {
    const base = start + lead
    switch (Frame.typeOf(bytes, base)) {
      case "s":
        return arrived(seats[Frame.sender(bytes, base)]!, Frame.numberOf(bytes, base), 1)
      case "d":
        return arrived(room.seats[0]!, room.seats[0]!.sent - 1, Frame.eventsIn(bytes, base))
      case "e":
      case "g":
        throw new Error(bytes.toString("utf8", start, end))
    }
  }
}

/** Sends as the clock says, taking the senders in turn; late sends count from when they were due. */
const openLoop = Effect.fnUntraced(function*(senders: ReadonlyArray<Seat>, { burst, rate }: Publish) {
  const start = performance.now()
  for (let count = 0;; yield* Effect.sleep(1)) {
    for (let due = start + count * 1000 / rate; due <= performance.now(); due = start + ++count * 1000 / rate) {
      send(senders[count % senders.length]!, burst, due)
    }
  }
})

/** Makes the thread that room 0 meets in, if it is one. */
const makeTopics = Effect.fnUntraced(function*({ what }: Publish, peer: Peer, member: Dialect.Member) {
  if (what === "signal") return (room: number) => `room:bench-${String(room).padStart(4, "0")}`
  const id = yield* Dialect.createThread(peer, member)
  return () => `thread:${id}`
})

export const run = Effect.fnUntraced(function*(job: Job, load: Publish) {
  const dialect = Dialect.dialects[job.target.dialect]
  const durable = load.what === "thread" && job.target.dialect === "choir"
  const counts: Counts = { delivered: 0, latencies: new Latencies() }
  const peers = yield* Effect.forEach(
    Array.from({ length: load.rooms * load.members }, (_, index) => Dialect.member(index)),
    Effect.fnUntraced(function*(member) {
      const peer = yield* dial(job.target.port, dialect.path)
      if (peer === undefined) return yield* Effect.die("a connection was refused")
      yield* dialect.signIn(peer, member)
      return { member, peer }
    }),
    { concurrency: atOnce }
  )
  const topicOf = durable
    ? yield* makeTopics(load, peers[0]!.peer, peers[0]!.member)
    : (room: number) => `room:bench-${String(room).padStart(4, "0")}`
  const rooms = Array.from({ length: load.rooms }, (_, i): Room => ({ topic: topicOf(i), seats: [], heard: 0 }))
  const seats = peers.map(({ member, peer }): Seat => {
    const room = rooms[Math.floor(member.index / load.members)]!
    const template = durable
      ? dialect.command(member, room.topic, "submit_message", { content: `${Template.placeholder} ${Dialect.words}` })
      : dialect.signal(member, room.topic)
    const seat = { member, peer, room, template, sentAt: new Float64Array(remembered), sent: 0, echoes: 0 }
    room.seats.push(seat)
    return seat
  })
  yield* Effect.forEach(seats, ({ member, peer, room }) => dialect.enter(peer, member, room.topic), {
    concurrency: atOnce
  })
  yield* Effect.sleep(300)
  for (const seat of seats) listen(seat, seats, load, dialect.lead, counts)
  const senders = load.publishers === "all" ? seats : rooms.map((room) => room.seats[0]!)
  if (load.rate > 0) yield* Effect.forkChild(openLoop(senders, load))
  else for (const sender of senders) send(sender, load.burst, performance.now())
  return yield* measure(job, counts)
})

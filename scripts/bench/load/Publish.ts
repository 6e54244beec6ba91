/** Rooms in which one member, or everybody, sends, and all hear it. */
import { Effect } from "effect"
import * as Crew from "./Crew.ts"
import * as Dialect from "./Dialect.ts"
import * as Frame from "./Frame.ts"
import type { Job, Load } from "./Job.ts"
import { type Counts, Latencies, measure } from "./Meter.ts"
import * as Template from "./Template.ts"

type Publish = Extract<Load, { readonly kind: "publish" }>

/** When each of a sender's latest messages went out. */
const remembered = 1024

interface Seat extends Crew.Seated {
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

const send = (seat: Seat, burst: number, at: number) => {
  for (let i = 0; i < burst; i++) seat.sentAt[(seat.sent + i) % remembered] = at
  seat.peer.write(Template.burst(seat.template, seat.sent, burst))
  seat.sent += burst
}

/** What a seat does with a frame: counts, samples, and sends the next when its turn has come. */
const listen = (seat: Seat, seats: ReadonlyArray<Seat>, load: Publish, lead: number, counts: Counts) => {
  const { room } = seat
  const whole = (room.seats.length - load.stalled) * load.burst
  const closed = load.rate === 0
  const next = (from: Seat, events: number) => {
    if (load.publishers === "all") {
      if (from !== seat || (seat.echoes += events) % load.burst !== 0) return
      send(seat, load.burst, performance.now())
    } else if ((room.heard += events) === whole) {
      room.heard = 0
      send(room.seats[0]!, load.burst, performance.now())
    }
  }
  const arrived = (from: Seat, number: number, events: number) => {
    counts.delivered += events
    if (!closed || (counts.delivered & 7) === 0) {
      counts.latencies.add(performance.now() - from.sentAt[number % remembered]!)
    }
    if (closed) next(from, events)
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

/** Everybody in their places; the last of each room do not read. */
export const enter = Effect.fnUntraced(function*(job: Job, load: Publish, counts: Counts) {
  const dialect = Dialect.dialects[job.target.dialect]
  const durable = load.what === "thread" && job.target.dialect === "choir"
  const crew = yield* Crew.gather(job, load.rooms * load.members)
  const thread = durable ? yield* Dialect.createThread(crew[0]!.peer) : undefined
  const rooms = Array.from({ length: load.rooms }, (_, i): Room => ({
    topic: thread ?? Crew.roomOf(i),
    seats: [],
    heard: 0
  }))
  const seats = crew.map(({ member, peer }): Seat => {
    const room = rooms[Math.floor(member.index / load.members)]!
    const template = durable
      ? dialect.command(member, room.topic, "submit_message", {
        content: `${Template.placeholder} ${Dialect.prose(load.text)}`
      })
      : dialect.signal(member, room.topic, load.text)
    const seat = { member, peer, room, template, sentAt: new Float64Array(remembered), sent: 0, echoes: 0 }
    room.seats.push(seat)
    return seat
  })
  yield* Effect.forEach(seats, ({ member, peer, room }) => dialect.enter(peer, member, room.topic), {
    concurrency: Crew.atOnce
  })
  // What the joining itself caused is over.
  yield* Effect.sleep(300)
  for (const seat of seats) listen(seat, seats, load, dialect.lead, counts)
  for (const { seats } of rooms) for (const seat of seats.slice(load.members - load.stalled)) seat.peer.socket.pause()
  return load.publishers === "all" ? seats : rooms.map((room) => room.seats[0]!)
})

/** Sends as the load says, for ever or until what it sent has been heard. */
export const start = (senders: ReadonlyArray<Seat>, { burst, rate }: Publish): Effect.Effect<unknown> =>
  rate > 0
    ? Effect.forkChild(Crew.atRate(rate, (count, due) => send(senders[count % senders.length]!, burst, due)))
    : Effect.sync(() => senders.forEach((sender) => send(sender, burst, performance.now())))

export const run = Effect.fnUntraced(function*(job: Job, load: Publish) {
  const counts: Counts = { delivered: 0, latencies: new Latencies() }
  yield* start(yield* enter(job, load, counts), load)
  return yield* measure(job, counts, "delivery")
})

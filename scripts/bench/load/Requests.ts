/** Connections that ask and are answered, each with so many questions at a time. */
import { Effect } from "effect"
import * as Crew from "./Crew.ts"
import * as Dialect from "./Dialect.ts"
import * as Frame from "./Frame.ts"
import type { Job, Load } from "./Job.ts"
import { Latencies, measure } from "./Meter.ts"
import { ask } from "./Peer.ts"
import * as Template from "./Template.ts"

type Requests = Extract<Load, { readonly kind: "request" }>
type Commands = Extract<Load, { readonly kind: "commands" }>

/** Heartbeats, which every server answers. */
export const run = Effect.fnUntraced(function*(job: Job, { connections, rate }: Requests) {
  const dialect = Dialect.dialects[job.target.dialect]
  const counts = { delivered: 0, latencies: new Latencies() }
  const asks = (yield* Crew.gather(job, connections)).map(({ member, peer }) => {
    const template = dialect.request(member)
    let sent = 0
    let sentAt = 0
    const next = (at: number) => {
      sentAt = at
      peer.write(Template.burst(template, sent++, 1))
    }
    peer.onFrame = () => {
      counts.delivered += 1
      counts.latencies.add(performance.now() - sentAt)
      if (rate === 0) next(performance.now())
    }
    return next
  })
  if (rate === 0) { for (const next of asks) next(performance.now()) }
  else yield* Effect.forkChild(Crew.atRate(rate, (count, due) => asks[count % asks.length]!(due)))
  return yield* measure(job, counts, "request")
})

/** Messages in rooms, one room a member: each is answered when it is on the disk. */
export const commands = Effect.fnUntraced(function*(job: Job, { connections, inFlight }: Commands) {
  const dialect = Dialect.dialects[job.target.dialect]
  const counts = { delivered: 0, latencies: new Latencies() }
  const crew = yield* Crew.gather(job, connections)
  yield* Effect.forEach(
    crew,
    ({ member, peer }) => ask(peer, Dialect.join(Crew.roomOf(member.index)), Dialect.receipt),
    {
      concurrency: Crew.atOnce
    }
  )
  for (const { member, peer } of crew) {
    const template = dialect.command(member, Crew.roomOf(member.index), "send_message", {
      content: `${Template.placeholder} ${Dialect.prose(Dialect.usual)}`
    })
    const sentAt = new Float64Array(inFlight)
    let sent = 0
    let heard = 0
    const next = (count: number) => {
      for (let i = 0; i < count; i++) sentAt[(sent + i) % inFlight] = performance.now()
      peer.write(Template.burst(template, sent, count))
      sent += count
    }
    peer.onFrame = (bytes, start, end) => {
      if (Frame.typeOf(bytes, start) !== "r") throw new Error(bytes.toString("utf8", start, end))
      counts.delivered += 1
      counts.latencies.add(performance.now() - sentAt[heard++ % inFlight]!)
      // By halves, so that a client's messages leave in groups as its answers come in groups.
      if (sent - heard <= inFlight / 2) next(inFlight - (sent - heard))
    }
    next(inFlight)
  }
  return yield* measure(job, counts, "command")
})

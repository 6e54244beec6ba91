/** Those who are not healthy, in a process of their own: what they cost must not be the healthy ones' delay. */
import { Effect, Queue } from "effect"
import { connect } from "node:net"
import * as Crew from "./Crew.ts"
import * as Dialect from "./Dialect.ts"
import type { Job, Load, Result } from "./Job.ts"
import { dial, localAddress } from "./Peer.ts"
import * as Template from "./Template.ts"

type Mob = Extract<Load, { readonly kind: "mob" }>

/** Their indices begin here, away from those of the healthy. */
const others = 100_000

/** Upgraded, and then nothing; connects again when it is turned away. */
const silence = Effect.fnUntraced(function*({ target }: Job, after: number) {
  yield* Effect.sleep(after)
  while (true) {
    const peer = yield* dial(target.port, Dialect.dialects[target.dialect].path)
    if (peer === undefined) yield* Effect.sleep(1000)
    else yield* Effect.callback<void>((resume) => void (peer.onClose = () => resume(Effect.void)))
  }
})

/** An HTTP request, a byte a second. */
const dribble = Effect.fnUntraced(function*({ target: { port } }: Job, after: number) {
  yield* Effect.sleep(after)
  while (true) {
    const socket = connect({ port, host: "127.0.0.1", localAddress: localAddress() })
    socket.on("error", () => socket.destroy())
    for (const char of `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`) {
      if (socket.destroyed) break
      socket.write(char)
      yield* Effect.sleep(1000)
    }
    socket.destroy()
  }
})

/** One user who sends far more than anybody may, and comes back whenever that ended the connection. */
const flood = Effect.fnUntraced(function*(job: Job, perSecond: number) {
  const member = Dialect.member(others)
  while (true) {
    const { peer } = yield* Crew.seat(job, member)
    const template = Dialect.dialects[job.target.dialect].signal(member, Crew.roomOf(others), Dialect.usual)
    while (peer.open) {
      peer.write(Template.burst(template, 0, Math.max(1, Math.floor(perSecond / 100))))
      yield* Effect.sleep(10)
    }
  }
})

/** How many people the visits are made by. */
const visitors = 250

/** Milliseconds in which the crowd comes; whoever is turned away after a time comes back as evenly. */
const arrival = 10_000

/** At most so many visits begin in a millisecond: what this process is late with must not come as one wave. */
const together = 2

/** People who were here before come back and go, so many a second. */
const visit = Effect.fnUntraced(function*(job: Job, perSecond: number, counts: { visits: number }) {
  const members = Array.from({ length: visitors }, (_, index) => Dialect.member(others + 1 + index))
  const doors = yield* Queue.unbounded<void>()
  const visiting = Effect.fnUntraced(function*(member: Dialect.Member) {
    while (true) {
      yield* Queue.take(doors)
      const { peer } = yield* Crew.seat(job, member)
      peer.socket.destroy()
      counts.visits += 1
    }
  })
  for (const member of members) yield* Effect.forkChild(visiting(member))
  for (let begun = 0, start = performance.now();; yield* Effect.sleep(1)) {
    const due = Math.floor((performance.now() - start) * perSecond / 1000)
    for (let n = 0; n < together && begun < due; n++, begun++) Queue.offerUnsafe(doors, undefined)
  }
})

/** Comes, says so with `here`, and stays until it is told to go. */
export const run = Effect.fnUntraced(
  function*(job: Job, load: Mob, here: Effect.Effect<void>, gone: Effect.Effect<void>) {
    const counts = { visits: 0 }
    const crew = yield* Effect.forEach(
      Array.from({ length: load.idle }, (_, i) => Dialect.member(2 * others + i)),
      (member) => Crew.seat(job, member),
      { concurrency: 16 }
    )
    for (let i = 0; i < load.silent; i++) yield* Effect.forkChild(silence(job, i * arrival / load.silent))
    for (let i = 0; i < load.dribbling; i++) yield* Effect.forkChild(dribble(job, i * arrival / load.dribbling))
    if (load.flood > 0) yield* Effect.forkChild(flood(job, load.flood))
    if (load.churn > 0) yield* Effect.forkChild(visit(job, load.churn, counts))
    yield* Effect.sleep(arrival)
    yield* here
    const before = { at: performance.now(), cpu: process.cpuUsage(), visits: counts.visits }
    yield* gone
    const seconds = (performance.now() - before.at) / 1000
    const { system, user } = process.cpuUsage(before.cpu)
    if (crew.some(({ peer }) => !peer.open)) return yield* Effect.die("an idle connection was lost")
    return {
      "visits/s": (counts.visits - before.visits) / seconds,
      "mob cores": (system + user) / 1e6 / seconds
    } satisfies Result
  }
)

/** Healthy people among those who are not: whether they notice. */
import { Effect } from "effect"
import { connect } from "node:net"
import * as Crew from "./Crew.ts"
import * as Dialect from "./Dialect.ts"
import type { Job, Load, Result } from "./Job.ts"
import { type Counts, Latencies, measure } from "./Meter.ts"
import { dial } from "./Peer.ts"
import * as Publish from "./Publish.ts"
import * as Template from "./Template.ts"

type Crowd = Extract<Load, { readonly kind: "crowd" }>

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
    const socket = connect({ port, host: "127.0.0.1" })
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

const churn = Effect.fnUntraced(function*(job: Job, index: number, every: number) {
  const member = Dialect.member(others + 1 + index)
  while (true) {
    const { peer } = yield* Crew.seat(job, member)
    peer.socket.destroy()
    yield* Effect.sleep(every)
  }
})

const visitors = 10

/** Milliseconds in which the crowd comes; whoever is turned away after a time comes back as evenly. */
const arrival = 10_000

export const run = Effect.fnUntraced(function*(job: Job, load: Crowd) {
  const counts: Counts = { delivered: 0, latencies: new Latencies() }
  yield* Publish.start(yield* Publish.enter(job, load.healthy, counts), load.healthy)
  const quiet = yield* measure(job, counts, "delivery")
  const crew = yield* Effect.forEach(
    Array.from({ length: load.idle }, (_, i) => Dialect.member(2 * others + i)),
    (member) => Crew.seat(job, member),
    { concurrency: 16 }
  )
  for (let i = 0; i < load.silent; i++) yield* Effect.forkChild(silence(job, i * arrival / load.silent))
  for (let i = 0; i < load.dribbling; i++) yield* Effect.forkChild(dribble(job, i * arrival / load.dribbling))
  yield* Effect.forkChild(flood(job, load.flood))
  for (let i = 0; i < visitors; i++) yield* Effect.forkChild(churn(job, i, visitors * 1000 / load.churn))
  yield* Effect.sleep(arrival)
  const loud = yield* measure(job, counts, "delivery")
  if (crew.some(({ peer }) => !peer.open)) return yield* Effect.die("an idle connection was lost")
  return {
    "p99 ms": loud["p99 ms"] ?? Number.NaN,
    "quiet p99 ms": quiet["p99 ms"] ?? Number.NaN,
    "p99/quiet": (loud["p99 ms"] ?? Number.NaN) / (quiet["p99 ms"] ?? Number.NaN)
  } satisfies Result
})

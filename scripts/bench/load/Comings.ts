/** What connections cost by being there, by coming, and by coming back. */
import { Effect } from "effect"
import * as Usage from "../Usage.ts"
import * as Crew from "./Crew.ts"
import * as Dialect from "./Dialect.ts"
import type { Job, Load, Result } from "./Job.ts"
import { Latencies, measure } from "./Meter.ts"
import { ask } from "./Peer.ts"
import * as Template from "./Template.ts"

type Of<K extends Load["kind"]> = Extract<Load, { readonly kind: K }>

const settled = Effect.fnUntraced(function*(pid: number) {
  yield* Effect.sleep(500)
  process.kill(pid, "SIGUSR2")
  yield* Effect.sleep(1500)
  return Usage.rss(pid)
})

/** Everybody signed in and in a room of four, and nothing happens. */
export const idle = Effect.fnUntraced(function*(job: Job, { connections }: Of<"idle">) {
  const { dialect, pid } = job.target
  const empty = yield* settled(pid)
  const cpu = Usage.cpu(pid)
  const crew = yield* Crew.gather(job, connections)
  yield* Effect.forEach(
    crew,
    ({ member, peer }) => Dialect.dialects[dialect].enter(peer, member, Crew.roomOf(Math.floor(member.index / 4))),
    { concurrency: Crew.atOnce }
  )
  const spent = Usage.cpu(pid) - cpu
  return {
    "KB/connection": (yield* settled(pid)) / 1024 / connections - empty / 1024 / connections,
    "µs/connection": spent / 1000 / connections,
    "MB empty": empty / 1e6
  } satisfies Result
})

/** People who come, enter a room and go, for ever. They have been here before. */
export const churn = Effect.fnUntraced(function*(job: Job, { concurrency }: Of<"churn">) {
  const dialect = Dialect.dialects[job.target.dialect]
  const counts = { delivered: 0, latencies: new Latencies() }
  const members = Array.from({ length: concurrency }, (_, index) => Dialect.member(index))
  const visits = Effect.fnUntraced(function*(member: Dialect.Member) {
    while (true) {
      const started = performance.now()
      const { peer } = yield* Crew.seat(job, member)
      yield* dialect.enter(peer, member, Crew.roomOf(Math.floor(member.index / 4)))
      peer.socket.destroy()
      counts.delivered += 1
      counts.latencies.add(performance.now() - started)
    }
  })
  yield* Effect.forEach(members, (member) => Effect.forkChild(visits(member)))
  return yield* measure(job, counts, "visit")
})

/** All lose their connections, a thread goes on without them, and all come back at once. */
export const recover = Effect.fnUntraced(function*(job: Job, { clients, missed }: Of<"recover">) {
  const dialect = Dialect.dialects[job.target.dialect]
  const [author, ...crew] = yield* Crew.gather(job, clients + 1)
  if (author === undefined) return {}
  const topic = yield* Dialect.createThread(author.peer)
  const enter = ({ member, peer }: Crew.Seated, position?: string) => dialect.enter(peer, member, topic, position)
  const positions = yield* Effect.forEach(crew, (one) => enter(one), { concurrency: Crew.atOnce })
  for (const { peer } of crew) peer.socket.destroy()
  const message = dialect.command(author.member, topic, "submit_message", {
    content: `${Template.placeholder} ${Dialect.prose(Dialect.usual)}`
  })
  yield* Dialect.receipts(author.peer, Template.burst(message, 0, missed), missed)
  yield* Effect.sleep(500)
  const cpu = Usage.cpu(job.target.pid)
  const started = performance.now()
  const reached = yield* Effect.forEach(
    crew,
    ({ member }, i) => Effect.flatMap(Crew.seat(job, member), (one) => enter(one, positions[i])),
    { concurrency: "unbounded" }
  )
  const elapsed = performance.now() - started
  const wanted = yield* ask(author.peer, Dialect.look(topic), Dialect.position)
  if (reached.some((position) => position !== wanted)) return yield* Effect.die("somebody did not catch up")
  return { "recovery ms": elapsed, "µs/recovery": (Usage.cpu(job.target.pid) - cpu) / 1000 / clients } satisfies Result
})

/** The costs of connections: idle, opening, and reconnecting. */
import { Effect } from "effect"
import * as ProcessStats from "../ProcessStats.ts"
import * as Clients from "./Clients.ts"
import * as FrameTemplate from "./FrameTemplate.ts"
import { LatencyRecorder, measureWindow } from "./LatencyRecorder.ts"
import type { Load, LoadResult, LoadSpec } from "./LoadSpec.ts"
import { request } from "./RawWebSocketClient.ts"
import * as WireAdapters from "./WireAdapters.ts"

type LoadOfKind<K extends Load["kind"]> = Extract<Load, { readonly kind: K }>

const rssAfterCollection = Effect.fnUntraced(function*(pid: number) {
  yield* Effect.sleep(500)
  process.kill(pid, "SIGUSR2")
  yield* Effect.sleep(1500)
  return ProcessStats.rssBytes(pid)
})

/** Memory and CPU of idle members in rooms of four, after garbage collections. */
export const measureIdle = Effect.fnUntraced(function*(job: LoadSpec, { connections }: LoadOfKind<"idle">) {
  const { adapter, pid } = job.target
  const emptyRss = yield* rssAfterCollection(pid)
  const cpu = ProcessStats.cpuNanos(pid)
  const clients = yield* Clients.connectUsers(job, connections)
  yield* Effect.forEach(
    clients,
    ({ member, peer }) =>
      WireAdapters.wireAdapters[adapter].subscribe(peer, member, Clients.roomTopic(Math.floor(member.index / 4))),
    { concurrency: Clients.connectConcurrency }
  )
  const cpuSpent = ProcessStats.cpuNanos(pid) - cpu
  return {
    "KB/connection": (yield* rssAfterCollection(pid)) / 1024 / connections - emptyRss / 1024 / connections,
    "µs/connection": cpuSpent / 1000 / connections,
    "MB empty": emptyRss / 1e6
  } satisfies LoadResult
})

/** Closed loop of visits: connect, resume, subscribe, disconnect. */
export const measureChurn = Effect.fnUntraced(function*(job: LoadSpec, { concurrency }: LoadOfKind<"churn">) {
  const adapter = WireAdapters.wireAdapters[job.target.adapter]
  const counts = { delivered: 0, latencies: new LatencyRecorder() }
  const members = Array.from({ length: concurrency }, (_, index) => WireAdapters.makeVirtualUser(index))
  const visitRepeatedly = Effect.fnUntraced(function*(member: WireAdapters.VirtualUser) {
    while (true) {
      const started = performance.now()
      const { peer } = yield* Clients.connectUser(job, member)
      yield* adapter.subscribe(peer, member, Clients.roomTopic(Math.floor(member.index / 4)))
      peer.socket.destroy()
      counts.delivered += 1
      counts.latencies.add(performance.now() - started)
    }
  })
  yield* Effect.forEach(members, (member) => Effect.forkChild(visitRepeatedly(member)))
  return yield* measureWindow(job, counts, "visit")
})

/** Time until all clients, which missed messages of a thread and reconnect at once, have caught up. */
export const measureRecovery = Effect.fnUntraced(function*(job: LoadSpec, { clients, missed }: LoadOfKind<"recover">) {
  const adapter = WireAdapters.wireAdapters[job.target.adapter]
  const [author, ...readers] = yield* Clients.connectUsers(job, clients + 1)
  if (author === undefined) return {}
  const topic = yield* WireAdapters.createThread(author.peer)
  const subscribe = ({ member, peer }: Clients.ConnectedUser, position?: string) =>
    adapter.subscribe(peer, member, topic, position)
  const positions = yield* Effect.forEach(readers, (one) => subscribe(one), { concurrency: Clients.connectConcurrency })
  for (const { peer } of readers) peer.socket.destroy()
  const message = adapter.commandFrame(author.member, topic, "submit_message", {
    content: `${FrameTemplate.placeholder} ${WireAdapters.makeText(WireAdapters.typicalTextLength)}`
  })
  yield* WireAdapters.awaitReceipts(author.peer, FrameTemplate.encodeBurst(message, 0, missed), missed)
  yield* Effect.sleep(500)
  const cpu = ProcessStats.cpuNanos(job.target.pid)
  const started = performance.now()
  const reachedPositions = yield* Effect.forEach(
    readers,
    ({ member }, i) => Effect.flatMap(Clients.connectUser(job, member), (one) => subscribe(one, positions[i])),
    { concurrency: "unbounded" }
  )
  const elapsed = performance.now() - started
  const expectedPosition = yield* request(author.peer, WireAdapters.subscribeMessage(topic), WireAdapters.parsePosition)
  if (reachedPositions.some((position) => position !== expectedPosition)) {
    return yield* Effect.die("a client did not catch up")
  }
  return {
    "recovery ms": elapsed,
    "µs/recovery": (ProcessStats.cpuNanos(job.target.pid) - cpu) / 1000 / clients
  } satisfies LoadResult
})

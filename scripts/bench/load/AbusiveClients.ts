/** The abusive clients, in a process of their own so that their CPU use does not delay the healthy ones. */
import { Effect, Queue } from "effect"
import { connect } from "node:net"
import * as Clients from "./Clients.ts"
import * as FrameTemplate from "./FrameTemplate.ts"
import type { Load, LoadResult, LoadSpec } from "./LoadSpec.ts"
import { nextLocalAddress, openConnection } from "./RawWebSocketClient.ts"
import * as WireAdapters from "./WireAdapters.ts"

type AbusiveLoad = Extract<Load, { readonly kind: "abuse" }>

/** First index of abusive users; healthy ones are below. */
const firstUserIndex = 100_000

/** A connection that sends nothing after the upgrade; reconnects when closed or rejected. */
const holdSilentConnection = Effect.fnUntraced(function*({ target }: LoadSpec, delay: number) {
  yield* Effect.sleep(delay)
  while (true) {
    const peer = yield* openConnection(target.port, WireAdapters.wireAdapters[target.adapter].path)
    if (peer === undefined) yield* Effect.sleep(1000)
    else yield* Effect.callback<void>((resume) => void (peer.onClose = () => resume(Effect.void)))
  }
})

/** Slowloris: an HTTP request sent at one byte per second, again and again. */
const sendSlowRequest = Effect.fnUntraced(function*({ target: { port } }: LoadSpec, delay: number) {
  yield* Effect.sleep(delay)
  while (true) {
    const socket = connect({ port, host: "127.0.0.1", localAddress: nextLocalAddress() })
    socket.on("error", () => socket.destroy())
    for (const char of `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`) {
      if (socket.destroyed) break
      socket.write(char)
      yield* Effect.sleep(1000)
    }
    socket.destroy()
  }
})

/** One user who exceeds the rate limit and reconnects whenever the connection is closed. */
const floodSignals = Effect.fnUntraced(function*(job: LoadSpec, perSecond: number) {
  const member = WireAdapters.makeVirtualUser(firstUserIndex)
  while (true) {
    const { peer } = yield* Clients.connectUser(job, member)
    const template = WireAdapters.wireAdapters[job.target.adapter].signalFrame(
      member,
      Clients.roomTopic(firstUserIndex),
      WireAdapters.typicalTextLength
    )
    while (peer.isOpen) {
      peer.write(FrameTemplate.encodeBurst(template, 0, Math.max(1, Math.floor(perSecond / 100))))
      yield* Effect.sleep(10)
    }
  }
})

/** Messages of the long thread, each of `longTextLength` characters: 5 MB in all. */
const longThreadMessages = 5_120
const longTextLength = 1_000

/** Queries that each reader has in flight, and milliseconds that it waits after a rejection. */
const queriesPerReader = 8
const readRetryMillis = 200

/** One user who writes a long thread, and whose connections then read all of it, again and again. */
const readLongThread = Effect.fnUntraced(function*(job: LoadSpec, readers: number) {
  const { commandFrame } = WireAdapters.wireAdapters[job.target.adapter]
  const { member, peer } = yield* Clients.connectUser(job, WireAdapters.makeVirtualUser(firstUserIndex - 1))
  const topic = yield* WireAdapters.createThread(peer)
  const text = WireAdapters.makeText(longTextLength)
  const post = commandFrame(member, topic, "submit_message", { content: text })
  for (let n = 0; n < longThreadMessages; n += 16) {
    yield* WireAdapters.awaitReceipts(peer, FrameTemplate.encodeBurst(post, n, 16), 16)
  }
  const query = commandFrame(member, topic, "get_thread", {})
  let queries = longThreadMessages
  for (let n = 0; n < readers; n++) {
    const { peer: reader } = yield* Clients.connectUser(job, member)
    const rejections = yield* Queue.unbounded<boolean>()
    const read = () => reader.write(FrameTemplate.encodeBurst(query, queries++, 1))
    reader.onFrame = (bytes, start, end) =>
      Queue.offerUnsafe(rejections, bytes.subarray(start, end).includes("\"type\":\"error\""))
    const readRepeatedly = Effect.gen(function*() {
      if (yield* Queue.take(rejections)) yield* Effect.sleep(readRetryMillis)
      read()
    })
    yield* Effect.forkChild(Effect.forever(readRepeatedly))
    for (let k = 0; k < queriesPerReader; k++) read()
  }
})

/** Number of users that make visits. */
const visitorCount = 250

/** Milliseconds over which the clients arrive; reconnects after a timeout are then spread as evenly. */
const arrivalMillis = 10_000

/** Visits begun per millisecond at most, so that late ones do not arrive as one wave. */
const maxVisitsPerTick = 2

/** Visits of returning users at a fixed rate. */
const visitAtRate = Effect.fnUntraced(function*(job: LoadSpec, perSecond: number, counts: { visits: number }) {
  const members = Array.from(
    { length: visitorCount },
    (_, index) => WireAdapters.makeVirtualUser(firstUserIndex + 1 + index)
  )
  const permits = yield* Queue.unbounded<void>()
  const visitRepeatedly = Effect.fnUntraced(function*(member: WireAdapters.VirtualUser) {
    while (true) {
      yield* Queue.take(permits)
      const { peer } = yield* Clients.connectUser(job, member)
      peer.socket.destroy()
      counts.visits += 1
    }
  })
  for (const member of members) yield* Effect.forkChild(visitRepeatedly(member))
  for (let started = 0, start = performance.now();; yield* Effect.sleep(1)) {
    const due = Math.floor((performance.now() - start) * perSecond / 1000)
    for (let n = 0; n < maxVisitsPerTick && started < due; n++, started++) Queue.offerUnsafe(permits, undefined)
  }
})

/** Starts all clients, signals their arrival, and measures until released. */
export const runAbusiveClients = Effect.fnUntraced(
  function*(job: LoadSpec, load: AbusiveLoad, onArrived: Effect.Effect<void>, awaitRelease: Effect.Effect<void>) {
    const counts = { visits: 0 }
    const idleClients = yield* Effect.forEach(
      Array.from({ length: load.idle }, (_, i) => WireAdapters.makeVirtualUser(2 * firstUserIndex + i)),
      (member) => Clients.connectUser(job, member),
      { concurrency: 16 }
    )
    for (let i = 0; i < load.silent; i++) {
      yield* Effect.forkChild(holdSilentConnection(job, i * arrivalMillis / load.silent))
    }
    for (let i = 0; i < load.slowloris; i++) {
      yield* Effect.forkChild(sendSlowRequest(job, i * arrivalMillis / load.slowloris))
    }
    if (load.readers > 0) yield* readLongThread(job, load.readers)
    if (load.flood > 0) yield* Effect.forkChild(floodSignals(job, load.flood))
    if (load.churn > 0) yield* Effect.forkChild(visitAtRate(job, load.churn, counts))
    yield* Effect.sleep(arrivalMillis)
    yield* onArrived
    const before = { at: performance.now(), cpu: process.cpuUsage(), visits: counts.visits }
    yield* awaitRelease
    const seconds = (performance.now() - before.at) / 1000
    const { system, user } = process.cpuUsage(before.cpu)
    if (idleClients.some(({ peer }) => !peer.isOpen)) return yield* Effect.die("an idle connection was lost")
    return {
      "visits/s": (counts.visits - before.visits) / seconds,
      "abuse cores": (system + user) / 1e6 / seconds
    } satisfies LoadResult
  }
)

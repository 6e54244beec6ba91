/** The request and command loads: connections with a fixed number of requests in flight, or a fixed rate. */
import { Effect } from "effect"
import * as Clients from "./Clients.ts"
import * as Frame from "./Frame.ts"
import * as FrameTemplate from "./FrameTemplate.ts"
import { LatencyRecorder, measureWindow } from "./LatencyRecorder.ts"
import type { Load, LoadSpec } from "./LoadSpec.ts"
import { request } from "./RawWebSocketClient.ts"
import * as WireAdapters from "./WireAdapters.ts"

type RequestLoad = Extract<Load, { readonly kind: "request" }>
type CommandLoad = Extract<Load, { readonly kind: "commands" }>

/** Heartbeats, which every server answers; one in flight per connection, or open-loop. */
export const runRequests = Effect.fnUntraced(function*(job: LoadSpec, { connections, rate }: RequestLoad) {
  const adapter = WireAdapters.wireAdapters[job.target.adapter]
  const counts = { delivered: 0, latencies: new LatencyRecorder() }
  const requesters = (yield* Clients.connectUsers(job, connections)).map(({ member, peer }) => {
    const template = adapter.requestFrame(member)
    let sent = 0
    let sentAt = 0
    const sendNext = (at: number) => {
      sentAt = at
      peer.write(FrameTemplate.encodeBurst(template, sent++, 1))
    }
    peer.onFrame = () => {
      counts.delivered += 1
      counts.latencies.add(performance.now() - sentAt)
      if (rate === 0) sendNext(performance.now())
    }
    return sendNext
  })
  if (rate === 0) { for (const next of requesters) next(performance.now()) }
  else yield* Effect.forkChild(Clients.runAtRate(rate, (count, due) => requesters[count % requesters.length]!(due)))
  return yield* measureWindow(job, counts, "request")
})

/** Durable messages, one room per connection; each gets a receipt after the fsync. */
export const runCommands = Effect.fnUntraced(function*(job: LoadSpec, { connections, inFlight }: CommandLoad) {
  const adapter = WireAdapters.wireAdapters[job.target.adapter]
  const counts = { delivered: 0, latencies: new LatencyRecorder() }
  const clients = yield* Clients.connectUsers(job, connections)
  yield* Effect.forEach(
    clients,
    ({ member, peer }) =>
      request(peer, WireAdapters.joinRoomMessage(Clients.roomTopic(member.index)), WireAdapters.parseReceipt),
    {
      concurrency: Clients.connectConcurrency
    }
  )
  for (const { member, peer } of clients) {
    const template = adapter.commandFrame(member, Clients.roomTopic(member.index), "send_message", {
      content: `${FrameTemplate.placeholder} ${WireAdapters.makeText(WireAdapters.typicalTextLength)}`
    })
    const sentAt = new Float64Array(inFlight)
    let sent = 0
    let receiptCount = 0
    const sendNext = (count: number) => {
      for (let i = 0; i < count; i++) sentAt[(sent + i) % inFlight] = performance.now()
      peer.write(FrameTemplate.encodeBurst(template, sent, count))
      sent += count
    }
    peer.onFrame = (bytes, start, end) => {
      if (Frame.typeOf(bytes, start) !== "r") throw new Error(bytes.toString("utf8", start, end))
      counts.delivered += 1
      counts.latencies.add(performance.now() - sentAt[receiptCount++ % inFlight]!)
      // Refilled by halves, so that commands are sent in groups, as receipts arrive in groups after an fsync.
      if (sent - receiptCount <= inFlight / 2) sendNext(inFlight - (sent - receiptCount))
    }
    sendNext(inFlight)
  }
  return yield* measureWindow(job, counts, "command")
})

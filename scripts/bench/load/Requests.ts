/** Connections that ask and are answered, each with one question at a time. */
import { Effect } from "effect"
import * as Dialect from "./Dialect.ts"
import type { Job, Load } from "./Job.ts"
import { Latencies, measure } from "./Meter.ts"
import { dial } from "./Peer.ts"
import { atOnce } from "./Publish.ts"
import * as Template from "./Template.ts"

type Requests = Extract<Load, { readonly kind: "request" }>

export const run = Effect.fnUntraced(function*(job: Job, { connections, rate }: Requests) {
  const dialect = Dialect.dialects[job.target.dialect]
  const counts = { delivered: 0, latencies: new Latencies() }
  const asks = yield* Effect.forEach(
    Array.from({ length: connections }, (_, index) => Dialect.member(index)),
    Effect.fnUntraced(function*(member) {
      const peer = yield* dial(job.target.port, dialect.path)
      if (peer === undefined) return yield* Effect.die("a connection was refused")
      yield* dialect.signIn(peer, member)
      const template = dialect.request(member)
      let sent = 0
      let sentAt = 0
      const ask = (at: number) => {
        sentAt = at
        peer.write(Template.burst(template, sent++, 1))
      }
      peer.onFrame = () => {
        counts.delivered += 1
        counts.latencies.add(performance.now() - sentAt)
        if (rate === 0) ask(performance.now())
      }
      return ask
    }),
    { concurrency: atOnce }
  )
  if (rate === 0) { for (const ask of asks) ask(performance.now()) }
  else yield* Effect.forkChild(openLoop(asks, rate))
  return yield* measure(job, counts)
})

const openLoop = Effect.fnUntraced(function*(asks: ReadonlyArray<(at: number) => void>, rate: number) {
  const start = performance.now()
  for (let count = 0;; yield* Effect.sleep(1)) {
    for (let due = start + count * 1000 / rate; due <= performance.now(); due = start + ++count * 1000 / rate) {
      asks[count % asks.length]!(due)
    }
  }
})

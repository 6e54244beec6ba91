/** Members with connections, and how they come by them. */
import { Effect } from "effect"
import * as Dialect from "./Dialect.ts"
import type { Job } from "./Job.ts"
import { dial, type Peer } from "./Peer.ts"

export interface Seated {
  readonly member: Dialect.Member
  readonly peer: Peer
}

/** How many connections are made at once. */
export const atOnce = 64

/** Connects one member and signs them in. */
export const seat = Effect.fnUntraced(function*({ target }: Job, member: Dialect.Member) {
  const dialect = Dialect.dialects[target.dialect]
  const peer = yield* dial(target.port, dialect.path)
  if (peer === undefined) return yield* Effect.die("a connection was refused")
  yield* dialect.signIn(peer, member)
  return { member, peer } satisfies Seated
})

/** People who never met the server before. */
export const gather = (job: Job, count: number): Effect.Effect<ReadonlyArray<Seated>> =>
  Effect.forEach(Array.from({ length: count }, (_, index) => Dialect.member(index)), (member) => seat(job, member), {
    concurrency: atOnce
  })

export const roomOf = (index: number): string => `room:bench-${String(index).padStart(6, "0")}`

/** Calls `act` so many times a second, with the moment it was due; late calls are made up for. */
export const atRate = Effect.fnUntraced(function*(perSecond: number, act: (count: number, due: number) => void) {
  const start = performance.now()
  for (let count = 0;; yield* Effect.sleep(1)) {
    for (let due = start + count * 1000 / perSecond; due <= performance.now();) {
      act(count, due)
      due = start + ++count * 1000 / perSecond
    }
  }
})

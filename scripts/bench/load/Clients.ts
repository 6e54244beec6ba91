/** Members with connections, and how they come by them. */
import { Effect } from "effect"
import type { LoadSpec } from "./LoadSpec.ts"
import { openConnection, type RawWebSocketClient } from "./RawWebSocketClient.ts"
import * as WireAdapters from "./WireAdapters.ts"

export interface ConnectedUser {
  readonly member: WireAdapters.VirtualUser
  readonly peer: RawWebSocketClient
}

/** How many connections are made at once. */
export const connectConcurrency = 64

/** Connects one member and signs them in. */
export const connectUser = Effect.fnUntraced(function*({ target }: LoadSpec, member: WireAdapters.VirtualUser) {
  const adapter = WireAdapters.wireAdapters[target.adapter]
  const peer = yield* openConnection(target.port, adapter.path)
  if (peer === undefined) return yield* Effect.die("a connection was refused")
  yield* adapter.signIn(peer, member)
  return { member, peer } satisfies ConnectedUser
})

/** People who never met the server before. */
export const connectUsers = (job: LoadSpec, count: number): Effect.Effect<ReadonlyArray<ConnectedUser>> =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => WireAdapters.makeVirtualUser(index)),
    (member) => connectUser(job, member),
    {
      concurrency: connectConcurrency
    }
  )

export const roomTopic = (index: number): string => `room:bench-${String(index).padStart(6, "0")}`

/** Calls `act` so many times a second, with the moment it was due; late calls are made up for. */
export const runAtRate = Effect.fnUntraced(function*(perSecond: number, action: (count: number, due: number) => void) {
  const start = performance.now()
  for (let count = 0;; yield* Effect.sleep(1)) {
    for (let due = start + count * 1000 / perSecond; due <= performance.now();) {
      action(count, due)
      due = start + ++count * 1000 / perSecond
    }
  }
})

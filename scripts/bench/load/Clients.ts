/** Connects simulated users. */
import { Effect } from "effect"
import type { LoadSpec } from "./LoadSpec.ts"
import { openConnection, type RawWebSocketClient } from "./RawWebSocketClient.ts"
import * as WireAdapters from "./WireAdapters.ts"

/** A user with an open, signed-in connection. */
export interface ConnectedUser {
  readonly member: WireAdapters.VirtualUser
  readonly peer: RawWebSocketClient
}

/** Connections opened concurrently. */
export const connectConcurrency = 64

/** Connects a user and signs it in. */
export const connectUser = Effect.fnUntraced(function*({ target }: LoadSpec, member: WireAdapters.VirtualUser) {
  const adapter = WireAdapters.wireAdapters[target.adapter]
  const peer = yield* openConnection(target.port, adapter.path)
  if (peer === undefined) return yield* Effect.die("a connection was rejected")
  yield* adapter.signIn(peer, member)
  return { member, peer } satisfies ConnectedUser
})

/** Connects new users, with indices from 0. */
export const connectUsers = (job: LoadSpec, count: number): Effect.Effect<ReadonlyArray<ConnectedUser>> =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => WireAdapters.makeVirtualUser(index)),
    (member) => connectUser(job, member),
    {
      concurrency: connectConcurrency
    }
  )

/** The topic id of a room, of fixed length. */
export const roomTopic = (index: number): string => `room:bench-${String(index).padStart(6, "0")}`

/** Open loop: calls `action` at a fixed rate with the instant at which the call was due. Late calls catch up. */
export const runAtRate = Effect.fnUntraced(function*(perSecond: number, action: (count: number, due: number) => void) {
  const start = performance.now()
  for (let count = 0;; yield* Effect.sleep(1)) {
    for (let due = start + count * 1000 / perSecond; due <= performance.now();) {
      action(count, due)
      due = start + ++count * 1000 / perSecond
    }
  }
})

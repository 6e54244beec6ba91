import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Replica from "../../../src/client/Replica.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import type { ServerMessageOf } from "../../../src/domain/protocol/Protocol.ts"
import { noEpoch } from "../../../src/domain/topic/DurableState.ts"
import type { AnyKind } from "../../../src/domain/topic/Topic.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import {
  counterOne,
  layer,
  recordingSubscriber,
  sendCommand,
  sendCommands,
  subscribe
} from "../../support/TopicHostFixture.ts"

const adds = (from: number, n: number) =>
  Array.from({ length: n }, (_, i) => [`c${from + i}`, { _tag: "add", n: i }] as const)

/** Folds received deltas as a client does: the count of matching hashes, and the seqs of those that differ. */
const replayDeltas = (kind: AnyKind, topic: TopicId, received: ReadonlyArray<unknown>) => {
  let replica: Replica.Replica = { ...Replica.make(topic, kind), position: { epoch: noEpoch, seq: 0 } }
  const mismatchedSeqs: Array<number> = []
  for (const message of received as ReadonlyArray<ServerMessageOf<"delta">>) {
    if (message._tag !== "delta") continue
    const { found, replica: next } = Replica.verifyHash(Replica.applyDelta(replica, message)!, message.hash)
    replica = next
    if (found !== undefined) mismatchedSeqs.push(message.to)
  }
  return { wrong: mismatchedSeqs, matches: replica.hashCheck.matches }
}

describe("hashes of the state", () => {
  it.effect("[SYN7] every delta that passes a multiple of the interval carries a hash, and so does every reply to a subscription", () =>
    Effect.gen(function*() {
      const subscriber = recordingSubscriber("subscriber")
      const first = yield* subscribe(counterOne, subscriber)
      for (const n of [3, 1, 6, 1, 9]) yield* sendCommands(counterOne, adds(subscriber.received.length * 100, n))
      const deltas = subscriber.received.filter((message) => message._tag === "delta")
      assert.deepStrictEqual(deltas.map(({ from, hash, to }) => [from, to, hash !== undefined]), [
        [0, 3, false],
        [3, 4, true],
        [4, 10, true],
        [10, 11, false],
        [11, 20, true]
      ])
      assert.deepStrictEqual(replayDeltas(CounterKind.kind, counterOne, subscriber.received), { wrong: [], matches: 3 })
      const again = yield* subscribe(counterOne, recordingSubscriber("other"))
      assert.strictEqual(again._tag === "Success" && again.success.hash, deltas.at(-1)?.hash)
      assert.isString(first._tag === "Success" && first.success.hash)
    }).pipe(Effect.provide(layer({ hashEvery: 4 }))))

  it.effect("[SYN7] a kind whose fold is not deterministic is detected by its hashes", () => {
    let folds = 0
    const drifting: AnyKind = {
      ...CounterKind.kind,
      name: "drifting",
      evolve: (state, event) => ({
        ...CounterKind.kind.evolve(state as CounterKind.State, event as CounterKind.Event),
        wake: folds++
      })
    }
    const topic = TopicId.make("drifting:one")
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("subscriber")
      yield* subscribe(topic, subscriber)
      for (const [id, add] of adds(0, 4)) yield* sendCommand(topic, add, { id })
      assert.deepStrictEqual(replayDeltas(drifting, topic, subscriber.received).wrong, [4])
    }).pipe(Effect.provide(layer({ hashEvery: 4 }, drifting)))
  })

  it.effect("a state that cannot be hashed is served without a hash", () => {
    const loop: Record<string, unknown> = {}
    loop["self"] = loop
    const strange: AnyKind = {
      ...CounterKind.kind,
      name: "strange",
      evolve: () => loop,
      pending: () => [],
      canRead: () => true
    }
    const topic = TopicId.make("strange:one")
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("subscriber")
      yield* subscribe(topic, subscriber)
      yield* sendCommand(topic, { _tag: "add", n: 1 })
      assert.deepStrictEqual(subscriber.received.map((message) => "hash" in message), [false])
    }).pipe(Effect.provide(layer({ hashEvery: 1 }, strange)))
  })
})

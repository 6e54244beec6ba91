import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Replica from "../../../src/client/Replica.ts"
import { TopicId } from "../../../src/domain/Ids.ts"
import type { ServerMessageOf } from "../../../src/domain/Protocol.ts"
import type { AnyKind } from "../../../src/domain/Topic.ts"
import * as Memory from "../../../src/layers/eventlog/Memory.ts"
import * as PerformersLive from "../../../src/layers/Performers.ts"
import * as Local from "../../../src/layers/topics/Local.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import * as Counter from "../../support/Counter.ts"
import { layer, listener, one, send, sendAll, subscribe } from "../../support/Hosted.ts"

const adds = (from: number, n: number) =>
  Array.from({ length: n }, (_, i) => [`c${from + i}`, { _tag: "add", n: i }] as const)

/** A client that folds the deltas somebody heard: how many hashes it compared, and at which seq it found another. */
const follow = (kind: AnyKind, topic: TopicId, heard: ReadonlyArray<unknown>) => {
  let replica: Replica.Replica = { ...Replica.make(topic, kind), position: { epoch: "any", seq: 0 } }
  const wrong: Array<number> = []
  for (const message of heard as ReadonlyArray<ServerMessageOf<"delta">>) {
    if (message._tag !== "delta") continue
    const { found, replica: next } = Replica.check(Replica.delta(replica, message)!, message.hash, false)
    replica = next
    if (found !== undefined) wrong.push(message.to)
  }
  return { wrong, matches: replica.checked.matches }
}

describe("hashes of the state", () => {
  it.effect("[SYN7] a delta that passes a multiple of k carries one, whatever it is made of; so does every reply", () =>
    Effect.gen(function*() {
      const ear = listener("ear")
      const first = yield* subscribe(one, ear)
      for (const n of [3, 1, 6, 1, 9]) yield* sendAll(one, adds(ear.heard.length * 100, n))
      const deltas = ear.heard.filter((message) => message._tag === "delta")
      assert.deepStrictEqual(deltas.map(({ from, hash, to }) => [from, to, hash !== undefined]), [
        [0, 3, false],
        [3, 4, true],
        [4, 10, true],
        [10, 11, false],
        [11, 20, true]
      ])
      assert.deepStrictEqual(follow(Counter.kind, one, ear.heard), { wrong: [], matches: 3 })
      const again = yield* subscribe(one, listener("other"))
      assert.strictEqual(again._tag === "Success" && again.success.hash, deltas.at(-1)?.hash)
      assert.isString(first._tag === "Success" && first.success.hash)
    }).pipe(Effect.provide(layer({ hashEvery: 4 }))))

  it.effect("[SYN7] [TOP2] a kind that does not fold the same way twice is found", () => {
    let folds = 0
    const drifting: AnyKind = {
      ...Counter.kind,
      name: "drifting",
      evolve: (state, event) => ({
        ...Counter.kind.evolve(state as Counter.State, event as Counter.Event),
        wake: folds++
      })
    }
    const topic = TopicId.make("drifting:one")
    const hosts = Local.layer({ limits: { hashEvery: 4 } }).pipe(
      Layer.provideMerge(PerformersLive.layer),
      Layer.provide(Layer.succeed(Kinds, new Map([["drifting", drifting]]))),
      Layer.provide(Memory.layer)
    )
    return Effect.gen(function*() {
      const ear = listener("ear")
      yield* subscribe(topic, ear)
      for (const [id, add] of adds(0, 4)) yield* send(topic, add, { id })
      assert.deepStrictEqual(follow(drifting, topic, ear.heard).wrong, [4])
    }).pipe(Effect.provide(hosts))
  })

  it.effect("[SYN7] a state that cannot be hashed is served without", () => {
    const loop: Record<string, unknown> = {}
    loop["self"] = loop
    const strange: AnyKind = {
      ...Counter.kind,
      name: "strange",
      evolve: () => loop,
      pending: () => [],
      canRead: () => true
    }
    const topic = TopicId.make("strange:one")
    const hosts = Local.layer({ limits: { hashEvery: 1 } }).pipe(
      Layer.provideMerge(PerformersLive.layer),
      Layer.provide(Layer.succeed(Kinds, new Map([["strange", strange]]))),
      Layer.provide(Memory.layer)
    )
    return Effect.gen(function*() {
      const ear = listener("ear")
      yield* subscribe(topic, ear)
      yield* send(topic, { _tag: "add", n: 1 })
      assert.deepStrictEqual(ear.heard.map((message) => "hash" in message), [false])
    }).pipe(Effect.provide(hosts))
  })
})

/** The series that only a whole server has: what is read from its gateway when metrics are exported. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as RuntimeGauges from "../../../src/layers/app/RuntimeGauges.ts"
import { Gateway } from "../../../src/layers/gateway/Gateway.ts"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import * as SocketMemory from "../../../src/layers/socket/memory/SocketMemory.ts"
import { Topics } from "../../../src/services/Topics.ts"

const syncCounts = { matches: 0, mismatches: 0 }

const gauges = RuntimeGauges.layer.pipe(
  Layer.provide(SocketMemory.layer(defaults)),
  Layer.provide(Layer.succeed(Gateway, Gateway.of({ drain: Effect.void, state: () => undefined, syncCounts }))),
  Layer.provide(Layer.mock(Topics, {
    post: () => {},
    subscribe: () => {},
    unsubscribe: () => {},
    broadcast: () => {},
    stats: Effect.succeed({ loadedTopics: 0, subscriptions: 0 })
  })),
  Layer.provideMerge(Metrics.layer)
)

describe("RuntimeGauges", () => {
  it.effect("[SYN7] [OPS3] choir_state_hashes_total counts equal and different state hashes", () =>
    Effect.gen(function*() {
      const readCounts = Effect.map(
        Metric.snapshot,
        (snapshot) =>
          snapshot.filter(({ id }) => id === "choir_state_hashes_total").map(({ attributes, state }) => [
            attributes?.["found"],
            (state as { readonly count: number }).count
          ])
      )
      assert.deepStrictEqual(yield* readCounts, [["right", 0], ["wrong", 0]])
      syncCounts.matches += 3
      syncCounts.mismatches += 1
      assert.deepStrictEqual(yield* readCounts, [["right", 3], ["wrong", 1]])
    }).pipe(Effect.provide(gauges)))
})

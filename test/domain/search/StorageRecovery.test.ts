import { assert, describe, it } from "@effect/vitest"
import * as Storage from "../../../src/domain/search/Storage.ts"
import {
  ConnectionError,
  EmbeddingUnavailable,
  InconsistencyError,
  type RecoveryAction,
  VectorError
} from "../../../src/domain/search/StorageError.ts"
import { initial, type Operation } from "../../../src/domain/search/StorageModel.ts"
import * as StorageRecovery from "../../../src/domain/search/StorageRecovery.ts"
import { makePoint, pointId } from "../../support/PointFixture.ts"

const collection = "c"
const ready = Storage.markCollectionReady(initial([{ name: collection, dimension: 3 }]), collection)
const stored = Storage.cachePoints(ready, collection, [{ id: pointId(1), point: makePoint(1, [1, 0, 0]) }])
const store = { _tag: "Store", collection, points: [makePoint(1, [1, 0, 0])] } satisfies Operation
const search: Operation = { _tag: "Search", collection, vector: [1, 0, 0], limit: 1, filter: {} }

describe("StorageRecovery", () => {
  it("[STO6] [FLT13] while the engine is unreachable the state is kept, and the wait doubles; a Retry-After is respected", () => {
    const delays: Array<number> = []
    let state = stored
    for (const retry_after_ms of [null, null, null, 60_000, null, null, null, null, null]) {
      const [next, recovery] = StorageRecovery.handleStorageError(
        new ConnectionError({ detail: "down", retry_after_ms }),
        state
      )
      assert.strictEqual(next.cache, state.cache)
      assert.strictEqual(next.collections, state.collections)
      state = next
      if (recovery._tag === "RetryWithBackoff") delays.push(recovery.delay_ms)
    }
    assert.deepStrictEqual(delays, [200, 400, 800, 60_000, 3200, 6400, 12_800, 25_600, 30_000])
    assert.strictEqual(state.error_state?.failures, 9)
    assert.deepStrictEqual(Storage.clearError(state), stored)
    assert.strictEqual(Storage.clearError(stored), stored)
  })

  it("[STO6] [FLT13] a lost collection is no longer known, and is created again before the next operation", () => {
    const [state, recovery] = StorageRecovery.handleStorageError(
      new InconsistencyError({ collection, detail: "gone" }),
      stored
    )
    assert.strictEqual(recovery._tag, "ValidateAndRetry")
    assert.strictEqual(state.cache.size, 0)
    const [, result] = Storage.executeOperation(state, search)
    assert.strictEqual(result._tag === "Failure" && result.recovery._tag, "RecoverCollection")
  })

  it("[STO6] a rejected vector is computed again", () => {
    const [, recovery] = StorageRecovery.handleStorageError(new VectorError({ detail: "" }), ready)
    assert.strictEqual(recovery._tag, "UpdateAndRetry")
  })

  it("[FLT13] a search waits at most 0.5 s per retry, so that a run can continue without it; a write at most 5 s", () => {
    const wait = (delay_ms: number): RecoveryAction => ({ _tag: "RetryWithBackoff", delay_ms })
    const isRetried = (operation: Operation, delay: number) =>
      StorageRecovery.limitRecovery(operation, wait(delay), StorageRecovery.retryBudget(operation))._tag !== "GiveUp"
    assert.deepStrictEqual([200, 500, 501].map((delay) => isRetried(search, delay)), [true, true, false])
    assert.deepStrictEqual([501, 5_000, 5_001].map((delay) => isRetried(store, delay)), [true, true, false])
  })

  it("[STO6] [STO8] while the embedding model is not available the wait is as for the engine", () => {
    const [state, recovery] = StorageRecovery.handleStorageError(
      new EmbeddingUnavailable({ detail: "rate limit", retry_after_ms: 3_000 }),
      stored
    )
    assert.deepStrictEqual(recovery, { _tag: "RetryWithBackoff", delay_ms: 3_000 })
    assert.strictEqual(state.cache, stored.cache)
  })

  it("[STO6] an operation fails when its retries are used up, or when its vectors may not be computed again", () => {
    const retry: RecoveryAction = { _tag: "ValidateAndRetry" }
    const budget = StorageRecovery.retryBudget(store)
    assert.strictEqual(StorageRecovery.limitRecovery(store, retry, { ...budget, retries: 0 })._tag, "GiveUp")
    assert.strictEqual(StorageRecovery.limitRecovery(store, retry, { ...budget, retries: 1 })._tag, retry._tag)
    for (const _tag of ["RecoverEmbedding", "UpdateAndRetry"] as const) {
      assert.strictEqual(StorageRecovery.limitRecovery(search, { _tag }, budget)._tag, "GiveUp")
      assert.strictEqual(StorageRecovery.limitRecovery(store, { _tag }, budget)._tag, "GiveUp")
      const embedded: Operation = { ...store, onInvalidVector: "embed" }
      assert.strictEqual(StorageRecovery.limitRecovery(embedded, { _tag }, budget)._tag, _tag)
    }
  })
})

/**
 * The recovery of a failed storage operation: the state after the failure, the action to carry out, and the limit of
 * retries (STO6, FLT13). `layers/search/DatabaseLive` carries the recoveries out.
 */
import * as Backoff from "../protocol/Backoff.ts"
import { evictCollection } from "./Storage.ts"
import type * as StorageError from "./StorageError.ts"
import type { Operation, StorageState } from "./StorageModel.ts"

const retryBackoff: Backoff.BackoffPolicy = { base: 200, cap: 30_000 }
/** The longest wait that an engine's Retry-After can demand, in milliseconds. */
const maxRetryAfter = 120_000

/** Milliseconds before the next attempt after `failures` failed ones in a row; at least what the engine demanded. */
export const backoffDelay = (failures: number, retryAfter: number | null): number =>
  Math.max(Backoff.delay(retryBackoff, failures - 1), Math.min(retryAfter ?? 0, maxRetryAfter))

/**
 * The state after an engine failure, and the recovery (STO6). An unreachable engine leaves the cache as it is
 * (FLT13): its contents have not changed.
 */
export const handleStorageError = (
  error: StorageError.EngineFailure,
  state: StorageState
): readonly [state: StorageState, recovery: StorageError.RecoveryAction] => {
  const failures = (state.error_state?.failures ?? 0) + 1
  const failed: StorageState = { ...state, error_state: { error, failures } }
  switch (error._tag) {
    case "ConnectionError":
    case "EmbeddingUnavailable":
      return [failed, { _tag: "RetryWithBackoff", delay_ms: backoffDelay(failures, error.retry_after_ms) }]
    case "InconsistencyError":
      return [evictCollection(failed, error.collection), { _tag: "ValidateAndRetry" }]
    case "VectorError":
      return [failed, { _tag: "UpdateAndRetry" }]
  }
}

/** The limits of recovering one operation: retries, and the longest wait before one of them in milliseconds. */
export interface RetryBudget {
  readonly retries: number
  readonly maxDelay: number
}

/** A run waits for a search and can continue without its result (FLT13); nothing waits for a write. */
export const retryBudget = (operation: Operation): RetryBudget =>
  operation._tag === "Search" ? { retries: 2, maxDelay: 500 } : { retries: 5, maxDelay: 5_000 }

/**
 * The recovery to carry out: `GiveUp` when the retries are used up, the wait would be too long, or a vector would have to
 * be computed again that the caller has not said to be an embedding: a vector of somebody's own is never replaced.
 */
export const limitRecovery = (
  operation: Operation,
  recovery: StorageError.RecoveryAction,
  { maxDelay, retries }: RetryBudget
): StorageError.RecoveryAction => {
  const embedsAgain = recovery._tag === "RecoverEmbedding" || recovery._tag === "UpdateAndRetry"
  const waitsTooLong = recovery._tag === "RetryWithBackoff" && recovery.delay_ms > maxDelay
  const mayEmbed = operation._tag === "Store" && operation.onInvalidVector === "embed"
  return retries === 0 || waitsTooLong || embedsAgain && !mayEmbed ? { _tag: "GiveUp" } : recovery
}

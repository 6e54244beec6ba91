/** Recovery of a topic from a failed append: nothing is acknowledged, and the log's head is read first. */
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { internalRejection } from "./CommandBatch.ts"
import { textErased } from "./Erasure.ts"

/** Why the log failed; undefined for a defect. */
export type LogFailure =
  /** Another writer appended first. */
  | { readonly _tag: "SeqConflict" }
  | { readonly _tag: "LogUnavailable"; readonly fault: "full" | "moved" | "other"; readonly message: string }
  | { readonly _tag: "LogCorrupt"; readonly message: string }
  /** A text that the entries were made from was erased meanwhile; nothing was written. */
  | { readonly _tag: "SourceErased" }
  | undefined

/** The recovery: decide the same commands again, after the log was read or one by one, or reject them. */
export type AppendRecovery =
  | { readonly _tag: "CatchUpAndRetry" }
  /** Decide each command of the batch by itself: only those that the failure is about are rejected. */
  | { readonly _tag: "RetryApart" }
  | { readonly _tag: "Reject"; readonly rejection: Rejection }

const busy = makeRejection("unavailable", "TOP4", "this cannot be stored right now; try again")

/**
 * The reply to a command that the log failed on. A full disk (FLT3), a data folder that is gone (FLT23) and a damaged log
 * (FLT5) are named, since a person must act on them.
 */
export const rejectionOf = (failure: LogFailure): Rejection => {
  switch (failure?._tag) {
    case undefined:
      return internalRejection
    case "SeqConflict":
      return busy
    case "LogUnavailable":
      return failure.fault === "other" ? busy : makeRejection("unavailable", "TOP4", failure.message)
    case "LogCorrupt":
      return makeRejection("unavailable", "TOP4", failure.message)
    case "SourceErased":
      return textErased
  }
}

/**
 * FLT3, FLT4: an append that failed is rejected and never repeated: it may have happened. TOP3, TOP6: only a conflict
 * proves that nothing was written and that the log has moved on; then the batch is decided again on the current log.
 */
export const recoverFromFailure = (
  failure: LogFailure,
  attemptsLeft: number,
  batchSize: number
): AppendRecovery => {
  if (failure?._tag === "SeqConflict" && attemptsLeft > 0) return { _tag: "CatchUpAndRetry" }
  if (failure?._tag === "SourceErased" && batchSize > 1) return { _tag: "RetryApart" }
  return { _tag: "Reject", rejection: rejectionOf(failure) }
}

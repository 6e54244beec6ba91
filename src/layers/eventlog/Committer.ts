/**
 * Group commit: one fiber takes all appends that were queued while the last commit ran, and makes them durable in one
 * transaction. An append succeeds after COMMIT has returned, and not before (TOP4).
 *
 * An append with a seq conflict fails alone. When the database fails, the whole group fails, and none of it is retried
 * here, unless the database itself has rolled it back for a conflict between its rows and others.
 */
import { Cause, Deferred, Effect, Exit, Fiber, Queue, type Result } from "effect"
import { SqlError } from "effect/sql"
import { kindOf } from "../../domain/protocol/Ids.ts"
import type { AppendedEntry } from "../../domain/topic/Log.ts"
import { type AppendRequest, EventLogError, LogUnavailable } from "../../services/EventLog.ts"
import { Metrics } from "../observability/Metrics.ts"
import { sqlState } from "../sql/PostgresConnection.ts"
import * as ChainVerification from "./ChainVerification.ts"
import { logUnavailable } from "./EventLogRows.ts"

/** The entries of an append, or why it failed. */
export type AppendResult = Result.Result<ReadonlyArray<AppendedEntry>, EventLogError>

/** Writes a group in one transaction; a result for each append, in order. */
export type WriteGroup = (
  group: ReadonlyArray<AppendRequest>
) => Effect.Effect<ReadonlyArray<AppendResult>, SqlError.SqlError>

interface QueuedAppend {
  readonly request: AppendRequest
  readonly completion: Deferred.Deferred<ReadonlyArray<AppendedEntry>, EventLogError>
}

/** Appends that may be queued; beyond it callers are suspended. A topic's host has one at a time. */
const queueCapacity = 4096

const toEventLogError = (cause: Cause.Cause<SqlError.SqlError>): EventLogError => {
  const error = Cause.squash(cause)
  return error instanceof SqlError.SqlError
    ? logUnavailable("append")(error)
    : new EventLogError({ reason: new LogUnavailable({ operation: "append", fault: "other", cause: error }) })
}

const conflictReasons: ReadonlySet<SqlError.SqlErrorReason["_tag"]> = new Set([
  "UniqueViolation",
  "ConstraintError",
  "SerializationError",
  "DeadlockError"
])

/**
 * Whether the database has rolled a group back for its rows: they conflict with those of another server, violate a
 * constraint, or hold a value that it does not store (class 22). The other appends may succeed without them.
 */
const isWriteConflict = (cause: Cause.Cause<SqlError.SqlError>): boolean => {
  const error = Cause.squash(cause)
  return error instanceof SqlError.SqlError &&
    (conflictReasons.has(error.reason._tag) || (sqlState(error)?.startsWith("22") ?? false))
}

/** How often an append is tried again by itself after such a conflict. It then sees what the other server wrote. */
const conflictRetryMax = 2

/**
 * Starts the committer; when the scope closes it finishes what is queued. `onCommitted` is called, before the append
 * returns, for appends that are durable or may be, but not for a seq conflict.
 */
export const make = Effect.fnUntraced(function*(write: WriteGroup, onCommitted: (append: AppendRequest) => void) {
  const metrics = yield* Metrics
  const queue = yield* Queue.bounded<QueuedAppend, Cause.Done>(queueCapacity)

  /** Writes a group, measuring its duration. */
  const writeTimed = (group: ReadonlyArray<QueuedAppend>) =>
    Effect.suspend(() => {
      const startedAt = performance.now()
      return Effect.onExit(write(group.map((waiting) => waiting.request)), (exit) =>
        Effect.sync(() => {
          metrics.commitSeconds.observe((performance.now() - startedAt) / 1000)
          metrics.commitAppends.observe(group.length)
          if (Exit.isFailure(exit)) metrics.commitFaults.value += 1
        }))
    })

  const recordDurable = (request: AppendRequest) => {
    const kind = kindOf(request.topic)
    for (const { event } of request.drafts) metrics.countEvent(kind, event)
    onCommitted(request)
  }

  const commit = (group: ReadonlyArray<QueuedAppend>, attemptsLeft = conflictRetryMax): Effect.Effect<void> =>
    Effect.flatMap(Effect.exit(writeTimed(group)), (exit) => {
      if (Exit.isFailure(exit) && attemptsLeft > 0 && isWriteConflict(exit.cause)) {
        return Effect.forEach(group, (waiting) => commit([waiting], attemptsLeft - 1), { discard: true })
      }
      for (const [i, { request, completion }] of group.entries()) {
        const result = Exit.isSuccess(exit) ? exit.value[i] : undefined
        if (result?._tag === "Success") recordDurable(request)
        // A commit that is reported as failed may have happened (FLT4).
        if (Exit.isFailure(exit)) onCommitted(request)
        Deferred.doneUnsafe(
          completion,
          result !== undefined
            ? Effect.fromResult(result)
            : Effect.fail(Exit.isFailure(exit) ? toEventLogError(exit.cause) : toEventLogError(Cause.die("no outcome")))
        )
      }
      return Effect.void
    })

  const fiber = yield* Effect.forkScoped(
    Effect.gen(function*() {
      while (true) yield* commit(yield* Queue.takeAll(queue))
    }).pipe(Effect.exit)
  )
  yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(queue), Fiber.await(fiber)))

  return Effect.fnUntraced(function*(request: AppendRequest) {
    yield* ChainVerification.assertValidDrafts(request)
    const completion = Deferred.makeUnsafe<ReadonlyArray<AppendedEntry>, EventLogError>()
    if (!(yield* Queue.offer(queue, { request, completion }))) {
      return yield* new EventLogError({
        reason: new LogUnavailable({ operation: "append", fault: "other", cause: "the log is closed" })
      })
    }
    return yield* Deferred.await(completion)
  })
})

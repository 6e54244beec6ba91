/**
 * Group commit: one fiber takes everything that was queued while the last
 * commit ran and makes it durable in one transaction. A caller hears of its
 * append after COMMIT has returned, and not before (TOP4).
 *
 * An append that does not fit fails alone. When the database fails, all of the
 * group fail and none is tried again: whoever asked decides.
 */
import { Cause, Deferred, Effect, Exit, Fiber, Queue, type Result } from "effect"
import { SqlError } from "effect/sql"
import { kindOf } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import { type Append, EventLogError, LogUnavailable } from "../../services/EventLog.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Chain from "./Chain.ts"
import { unavailable } from "./Rows.ts"

/** What became of an append. */
export type Outcome = Result.Result<ReadonlyArray<Entry>, EventLogError>

/** Writes a group in one transaction; an outcome for each, in order. */
export type Write = (group: ReadonlyArray<Append>) => Effect.Effect<ReadonlyArray<Outcome>, SqlError.SqlError>

interface Waiting {
  readonly append: Append
  readonly done: Deferred.Deferred<ReadonlyArray<Entry>, EventLogError>
}

/** Appends that may wait; more make their callers wait. A topic's host has one at a time. */
const capacity = 4096

const fromCause = (cause: Cause.Cause<SqlError.SqlError>): EventLogError => {
  const error = Cause.squash(cause)
  return error instanceof SqlError.SqlError
    ? unavailable("append")(error)
    : new EventLogError({ reason: new LogUnavailable({ operation: "append", full: false, cause: error }) })
}

/** Whether the rows were refused, rather than the database being out of reach. */
const isRefusal = (cause: Cause.Cause<SqlError.SqlError>): boolean => {
  const error = Cause.squash(cause)
  return error instanceof SqlError.SqlError &&
    (error.reason._tag === "UniqueViolation" || error.reason._tag === "ConstraintError" ||
      error.reason._tag === "SerializationError")
}

/**
 * Starts the committer; on closing the scope it finishes what is queued. `settled` hears, before the callers do, of what
 * is durable or may be; not of an append that did not fit.
 */
export const make = Effect.fnUntraced(function*(write: Write, settled: (append: Append) => void) {
  const metrics = yield* Metrics
  const queue = yield* Queue.bounded<Waiting, Cause.Done>(capacity)

  /** Writes, and takes the time of it. */
  const timed = (group: ReadonlyArray<Waiting>) =>
    Effect.suspend(() => {
      const began = performance.now()
      return Effect.onExit(write(group.map((waiting) => waiting.append)), (exit) =>
        Effect.sync(() => {
          metrics.commit.observe((performance.now() - began) / 1000)
          metrics.commitSize.observe(group.length)
          if (Exit.isFailure(exit)) metrics.commitFaults.value += 1
        }))
    })

  const durable = (append: Append) => {
    for (const { event } of append.drafts) metrics.happened(kindOf(append.topic), event)
    settled(append)
  }

  const commit = (group: ReadonlyArray<Waiting>): Effect.Effect<void> =>
    Effect.flatMap(Effect.exit(timed(group)), (exit) => {
      if (Exit.isFailure(exit) && group.length > 1 && isRefusal(exit.cause)) {
        return Effect.forEach(group, (waiting) => commit([waiting]), { discard: true })
      }
      for (const [i, { append, done }] of group.entries()) {
        const outcome = Exit.isSuccess(exit) ? exit.value[i] : undefined
        if (outcome?._tag === "Success") durable(append)
        // What is reported as failed may have happened.
        if (Exit.isFailure(exit)) settled(append)
        Deferred.doneUnsafe(
          done,
          outcome !== undefined
            ? Effect.fromResult(outcome)
            : Effect.fail(Exit.isFailure(exit) ? fromCause(exit.cause) : fromCause(Cause.die("no outcome")))
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

  return Effect.fnUntraced(function*(append: Append) {
    yield* Chain.checkDrafts(append)
    const done = Deferred.makeUnsafe<ReadonlyArray<Entry>, EventLogError>()
    if (!(yield* Queue.offer(queue, { append, done }))) {
      return yield* new EventLogError({
        reason: new LogUnavailable({ operation: "append", full: false, cause: "the log is closed" })
      })
    }
    return yield* Deferred.await(done)
  })
})

/** Exponential back-off as a schedule for `Effect.retry`. */
import { Duration, Effect, Schedule } from "effect"
import { type BackoffPolicy, delay } from "../../domain/protocol/Backoff.ts"

/** Recurs without limit, after the delays of `Backoff.delay`. */
export const backoffSchedule = (policy: BackoffPolicy): Schedule.Schedule<Duration.Duration> =>
  Schedule.fromStepWithMetadata(Effect.succeed(({ attempt }) => {
    const wait = Duration.millis(delay(policy, attempt - 1))
    return Effect.succeed([wait, wait])
  }))

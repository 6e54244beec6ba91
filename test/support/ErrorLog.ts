/** Records what is logged as an error. */
import { Cause, Effect, Logger } from "effect"

/** Runs an effect; `errors` receives the text of each error that it logs. Nothing is printed. */
export const recordErrors = (errors: Array<string>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(
    effect,
    Logger.layer([
      Logger.make(({ cause, logLevel, message }) => {
        if (logLevel === "Error") {
          errors.push(
            [message, ...cause.reasons.length === 0 ? [] : [Cause.pretty(cause)]].flat().map(String).join(" ")
          )
        }
      })
    ])
  )

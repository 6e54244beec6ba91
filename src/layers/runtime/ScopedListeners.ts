/** Listeners that are called for as long as a scope is open. */
import { Effect, type Scope } from "effect"

/** Adds a listener to a set until the scope closes. */
export const addListener = <A>(listeners: Set<A>, listener: A): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => void listeners.add(listener)),
    () => Effect.sync(() => listeners.delete(listener))
  ))

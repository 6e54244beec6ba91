/**
 * Sessions in memory, which end with the process.
 *
 * **When to use**
 *
 * In tests and trials. A server uses `SessionsSql`, so that clients resume after a restart (AUT2).
 *
 * **Details**
 *
 * Tokens, lifetimes and signatures are those of `SessionsSql`: both are one store over a map or a table.
 *
 * **Gotchas**
 *
 * Looking for expired sessions takes time in proportion to all of them.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { open, renew, resume } = yield* Services.Sessions.Sessions
 *   const first = yield* open(Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
 *   const { token } = yield* renew(first.id, first.token, null)
 *   return (yield* resume(token, null)).user === first.user
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.SessionsMemory.layer(Domain.Limits.defaults))))
 * // => true
 * ```
 */
import { Effect, Layer } from "effect"
import type { SessionFamily } from "../../domain/session/SessionFamily.ts"
import { Sessions } from "../../services/Sessions.ts"
import * as SessionStore from "./SessionStore.ts"

/** Rows in a map, of which `families` is the content. */
export const makeRows = (families: Map<string, SessionFamily>): SessionStore.SessionRows => ({
  insert: (family) => Effect.sync(() => void families.set(family.id, family)),
  find: (id) => Effect.sync(() => families.get(id)),
  replace: (current, next) =>
    Effect.sync(() => {
      const isCurrent = families.get(current.id) === current
      if (isCurrent) families.set(current.id, next)
      return isCurrent
    }),
  remove: (id) => Effect.sync(() => void families.delete(id)),
  removeExpired: (instant, count) =>
    Effect.sync(() => {
      const expired = [...families.values()].filter(({ expiresAt }) => expiresAt < instant).slice(0, count)
      for (const { id } of expired) families.delete(id)
      return expired.length
    })
})

/** `Sessions` in memory; `limits` set the lifetime of a token and its grace period, in milliseconds. */
export const layer = (limits: SessionStore.SessionLimits): Layer.Layer<Sessions> =>
  Layer.effect(Sessions, Effect.suspend(() => SessionStore.make(makeRows(new Map()), limits)))

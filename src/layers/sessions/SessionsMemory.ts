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
 * Expired sessions are not deleted; a process that runs for months should not use this.
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
 *   const { token } = yield* renew(first.id)
 *   return (yield* resume(token)).user === first.user
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.SessionsMemory.layer(Domain.Limits.defaults))))
 * // => true
 * ```
 */
import { Effect, Layer } from "effect"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { type Session, Sessions } from "../../services/Sessions.ts"
import * as SessionStore from "./SessionStore.ts"

/** `Sessions` in memory; `limits` set the lifetime of a token and its grace period, in milliseconds. */
export const layer = (limits: Pick<Limits, "sessionTtl" | "sessionGrace">): Layer.Layer<Sessions> =>
  Layer.effect(
    Sessions,
    Effect.suspend(() => {
      const sessions = new Map<string, Session>()
      return SessionStore.make({
        insert: (session) => Effect.sync(() => void sessions.set(session.id, session)),
        find: (id) => Effect.sync(() => sessions.get(id)),
        setExpiry: (id, expiresAt) =>
          Effect.sync(() => {
            const session = sessions.get(id)
            if (session !== undefined) sessions.set(id, { ...session, expiresAt })
          }),
        remove: (id) => Effect.sync(() => void sessions.delete(id))
      }, limits)
    })
  )

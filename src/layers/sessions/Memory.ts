/** Sessions that end with the process: for tests and for trying things out. */
import { Effect, Layer } from "effect"
import type { Limits } from "../../domain/Limits.ts"
import { type Session, Sessions } from "../../services/Sessions.ts"
import * as Store from "./Store.ts"

export const layer = (limits: Pick<Limits, "sessionTtl" | "sessionGrace">): Layer.Layer<Sessions> =>
  Layer.effect(
    Sessions,
    Effect.suspend(() => {
      const sessions = new Map<string, Session>()
      return Store.make({
        insert: (session) => Effect.sync(() => void sessions.set(session.id, session)),
        find: (id) => Effect.sync(() => sessions.get(id)),
        setEnd: (id, expiresAt) =>
          Effect.sync(() => {
            const session = sessions.get(id)
            if (session !== undefined) sessions.set(id, { ...session, expiresAt })
          }),
        remove: (id) => Effect.sync(() => void sessions.delete(id))
      }, limits)
    })
  )

/**
 * Sessions over any store of rows: tokens are opaque, and only their hashes
 * are kept (AUT2).
 */
import { Clock, Effect, Redacted } from "effect"
import type { Instant, UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Opened, type Session, SessionError, Sessions, SessionUnknown } from "../../services/Sessions.ts"
import * as Entropy from "../Entropy.ts"
import * as Keys from "./Keys.ts"

/** Rows by the hash of their token. Rows that are over may be dropped at any time. */
export interface Rows {
  readonly insert: (session: Session) => Effect.Effect<void, SessionError>
  readonly find: (id: string) => Effect.Effect<Session | undefined, SessionError>
  readonly setEnd: (id: string, expiresAt: Instant) => Effect.Effect<void, SessionError>
  readonly remove: (id: string) => Effect.Effect<void, SessionError>
}

const unknown = new SessionError({ reason: new SessionUnknown({}) })

export const make = Effect.fnUntraced(function*(
  rows: Rows,
  limits: Pick<Limits, "sessionTtl" | "sessionGrace">
): Effect.fn.Return<Sessions["Service"]> {
  const bytes = yield* Entropy.Bytes

  const open = Effect.fnUntraced(function*(user: UserId) {
    const token = Keys.secret(bytes)
    const session: Session = {
      id: Keys.hashToken(token),
      user,
      expiresAt: (yield* Clock.currentTimeMillis) + limits.sessionTtl
    }
    yield* rows.insert(session)
    return { ...session, token: Redacted.make(token) } satisfies Opened
  })

  const find = Effect.fnUntraced(function*(id: string) {
    const session = yield* rows.find(id)
    const now = yield* Clock.currentTimeMillis
    if (session === undefined || now >= session.expiresAt + limits.sessionGrace) return yield* unknown
    return session
  })

  const renew = Effect.fnUntraced(function*(id: string) {
    const old = yield* find(id)
    const next = yield* open(old.user)
    const now = yield* Clock.currentTimeMillis
    if (old.expiresAt > now) yield* rows.setEnd(id, now) // The grace begins.
    return next
  })

  const hold = Effect.fnUntraced(function*(id: string, until: Instant) {
    const session = yield* rows.find(id)
    const end = until - limits.sessionGrace
    if (session !== undefined && session.expiresAt < end) yield* rows.setEnd(id, end)
  })

  return Sessions.of({
    nonce: () => Keys.secret(bytes),
    verify: Keys.verify,
    holds: Keys.holds,
    open,
    resume: (token) => find(Keys.hashToken(Redacted.value(token))),
    renew,
    hold,
    revoke: rows.remove
  })
})

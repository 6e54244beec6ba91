/**
 * Sessions over any store of rows: tokens are opaque, and only their hashes
 * are kept (AUT2).
 */
import { Clock, Effect, Redacted } from "effect"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { type IssuedSession, type Session, SessionError, Sessions, SessionUnknown } from "../../services/Sessions.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as SessionTokens from "./SessionTokens.ts"

/** Rows by the hash of their token. Rows that are over may be dropped at any time. */
export interface SessionRows {
  readonly insert: (session: Session) => Effect.Effect<void, SessionError>
  readonly find: (id: string) => Effect.Effect<Session | undefined, SessionError>
  readonly setExpiry: (id: string, expiresAt: Instant) => Effect.Effect<void, SessionError>
  readonly remove: (id: string) => Effect.Effect<void, SessionError>
}

const sessionUnknown = new SessionError({ reason: new SessionUnknown({}) })

export const make = Effect.fnUntraced(function*(
  rows: SessionRows,
  limits: Pick<Limits, "sessionTtl" | "sessionGrace">
): Effect.fn.Return<Sessions["Service"]> {
  const bytes = yield* Entropy.RandomBytes

  const open = Effect.fnUntraced(function*(user: UserId) {
    const token = SessionTokens.newToken(bytes)
    const session: Session = {
      id: SessionTokens.hashToken(token),
      user,
      expiresAt: (yield* Clock.currentTimeMillis) + limits.sessionTtl
    }
    yield* rows.insert(session)
    return { ...session, token: Redacted.make(token) } satisfies IssuedSession
  })

  const find = Effect.fnUntraced(function*(id: string) {
    const session = yield* rows.find(id)
    const now = yield* Clock.currentTimeMillis
    if (session === undefined || now >= session.expiresAt + limits.sessionGrace) return yield* sessionUnknown
    return session
  })

  const renew = Effect.fnUntraced(function*(id: string) {
    const old = yield* find(id)
    const next = yield* open(old.user)
    const now = yield* Clock.currentTimeMillis
    if (old.expiresAt > now) yield* rows.setExpiry(id, now) // The grace begins.
    return next
  })

  const extend = Effect.fnUntraced(function*(id: string, until: Instant) {
    const session = yield* rows.find(id)
    const expiresAt = until - limits.sessionGrace
    if (session !== undefined && session.expiresAt < expiresAt) yield* rows.setExpiry(id, expiresAt)
  })

  return Sessions.of({
    nonce: () => SessionTokens.newToken(bytes),
    verifyChallenge: SessionTokens.verifyChallenge,
    verifyText: SessionTokens.verifyText,
    open,
    resume: (token) => find(SessionTokens.hashToken(Redacted.value(token))),
    renew,
    extend,
    revoke: rows.remove
  })
})

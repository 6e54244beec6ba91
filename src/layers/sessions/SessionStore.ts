/**
 * Sessions over any store of rows (AUT2). Tokens are random and opaque; only their hashes are stored. When a token is valid
 * is decided by `domain/session/SessionLifetime`.
 */
import { Clock, Effect, Redacted } from "effect"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as SessionLifetime from "../../domain/session/SessionLifetime.ts"
import { type IssuedSession, type Session, SessionError, Sessions, SessionUnknown } from "../../services/Sessions.ts"
import * as Entropy from "../runtime/Entropy.ts"
import * as SessionTokens from "./SessionTokens.ts"

/** Rows by the hash of their token. Rows past their grace period may be deleted at any time. */
export interface SessionRows {
  readonly insert: (session: Session) => Effect.Effect<void, SessionError>
  readonly find: (id: string) => Effect.Effect<Session | undefined, SessionError>
  readonly setExpiry: (id: string, expiresAt: Instant) => Effect.Effect<void, SessionError>
  readonly remove: (id: string) => Effect.Effect<void, SessionError>
}

const sessionUnknown = new SessionError({ reason: new SessionUnknown({}) })

/** `Sessions` over `rows`. */
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
      expiresAt: SessionLifetime.expiryOf(yield* Clock.currentTimeMillis, limits)
    }
    yield* rows.insert(session)
    return { ...session, token: Redacted.make(token) } satisfies IssuedSession
  })

  const find = Effect.fnUntraced(function*(id: string) {
    const session = yield* rows.find(id)
    const now = yield* Clock.currentTimeMillis
    if (session === undefined || !SessionLifetime.isResumable(session.expiresAt, now, limits)) {
      return yield* sessionUnknown
    }
    return session
  })

  const renew = Effect.fnUntraced(function*(id: string) {
    const old = yield* find(id)
    const next = yield* open(old.user)
    const expiresAt = SessionLifetime.expiryAfterRotation(old.expiresAt, yield* Clock.currentTimeMillis)
    if (expiresAt !== old.expiresAt) yield* rows.setExpiry(id, expiresAt)
    return next
  })

  const extend = Effect.fnUntraced(function*(id: string, until: Instant) {
    const session = yield* rows.find(id)
    if (session === undefined) return
    const expiresAt = SessionLifetime.expiryForHold(session.expiresAt, until, limits)
    if (expiresAt !== session.expiresAt) yield* rows.setExpiry(id, expiresAt)
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

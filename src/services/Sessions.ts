/** Who is signed in: challenges proved by signatures, and the tokens that stand for them afterwards (AUT1, AUT2). */
import { Context, type Effect, type Redacted, Schema } from "effect"
import type { Instant, UserId } from "../domain/protocol/Ids.ts"
import type { Challenge } from "../domain/session/Identity.ts"

/** The token was never given out, is over, or was revoked: the three are not told apart. */
export class SessionUnknown extends Schema.TaggedError<SessionUnknown>()("SessionUnknown", {}) {
  override get message() {
    return "the session is over: sign in again"
  }
}

/** Sessions can be neither read nor written now. */
export class SessionsUnavailable extends Schema.TaggedError<SessionsUnavailable>()("SessionsUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `sessions are unavailable right now (${this.operation})`
  }
}

export class SessionError extends Schema.TaggedError<SessionError>()("SessionError", {
  reason: Schema.Union([SessionUnknown, SessionsUnavailable])
}) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason._tag === "SessionsUnavailable"
  }
}

/** A session as the server knows it. `id` is the hash of its token: it may be shown in logs, and opens nothing. */
export interface Session {
  readonly id: string
  readonly user: UserId
  readonly expiresAt: Instant
}

/** A session with the token that its owner keeps. */
export interface IssuedSession extends Session {
  readonly token: Redacted.Redacted
}

export class Sessions extends Context.Service<Sessions, {
  /** 32 random bytes, for a challenge. */
  readonly nonce: () => string
  /** Whether `signature` is `publicKey`'s over the challenge. Never fails; costs about 0.1 ms off the event loop. */
  readonly verifyChallenge: (challenge: Challenge, publicKey: UserId, signature: string) => Effect.Effect<boolean>
  /** Whether `signature` is `publicKey`'s over a text; as `verify`. */
  readonly verifyText: (text: string, publicKey: UserId, signature: string) => Effect.Effect<boolean>
  readonly open: (user: UserId) => Effect.Effect<IssuedSession, SessionError>
  /** The session behind a token, up to its grace after it ended. */
  readonly resume: (token: Redacted.Redacted) => Effect.Effect<Session, SessionError>
  /** A new token for the session's user; the old one stays good for the grace (AUT2). */
  readonly renew: (id: string) => Effect.Effect<IssuedSession, SessionError>
  /** Lets a session be resumed until `until` at least (CON5). */
  readonly extend: (id: string, until: Instant) => Effect.Effect<void, SessionError>
  readonly revoke: (id: string) => Effect.Effect<void, SessionError>
}>()("choir/services/Sessions") {}

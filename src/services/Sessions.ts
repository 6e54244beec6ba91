/**
 * Sessions: users prove their key by signing a challenge, and resume with a token afterwards (AUT1, AUT2).
 *
 * **When to use**
 *
 * To authenticate users by Ed25519 keys over any transport. `Gateway.layer` uses it for WebSockets and
 * the HTTP routes for server-sent events.
 *
 * **Details**
 *
 * `nonce` and `verifyChallenge` prove a key; `open` issues a token for it. A token is valid for `sessionTtl`
 * milliseconds, and resumes its session for another `sessionGrace`. `renew` replaces it by a successor, and so does `resume`
 * late in its life. All tokens since the sign-in are one session: it has one id, one current token, and ends as a whole. The
 * client instance that renewed a token and shows it again within `sessionGrace` gets the same successor, since the answer may
 * have been lost; whoever else shows it ends the session (RFC 9700). `extend` holds a session whose connection was lost.
 *
 * **Gotchas**
 *
 * A token is all that is needed to act as its user: it is `Redacted`, and no implementation stores it. The `id` of a session
 * may appear in logs. `SessionUnknown` does not distinguish an expired token from a wrong one. Only `SessionsUnavailable` is
 * retryable. Who serves a session, over a connection or a stream, must end that when `onRevoked` says so.
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const { Sessions } = Services.Sessions
 * const user = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const program = Effect.gen(function*() {
 *   const sessions = yield* Sessions
 *   const issued = yield* sessions.open(user)
 *   const session = yield* sessions.resume(issued.token, null)
 *   console.log(session.user === user) // true
 *   yield* sessions.revoke(session.id)
 *   const error = yield* Effect.flip(sessions.resume(issued.token, null))
 *   console.log(error.reason._tag) // SessionUnknown
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Layers.SessionsMemory.layer(Domain.Limits.defaults))))
 * ```
 */
import { Context, type Effect, type Redacted, Schema, type Scope } from "effect"
import type { Instant, UserId } from "../domain/protocol/Ids.ts"
import type { Challenge } from "../domain/protocol/Protocol.ts"

/** The token was never issued, has expired, or was revoked. The three are not distinguished. */
export class SessionUnknown extends Schema.TaggedError<SessionUnknown>()("SessionUnknown", {}) {
  override get message() {
    return "the session is unknown or has expired: sign in again"
  }
}

/** The store of sessions failed; retry later. */
export class SessionsUnavailable extends Schema.TaggedError<SessionsUnavailable>()("SessionsUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `sessions are unavailable: could not ${this.operation}`
  }
}

/** Why a session could not be opened, resumed or changed. */
export class SessionError extends Schema.TaggedError<SessionError>()("SessionError", {
  reason: Schema.Union([SessionUnknown, SessionsUnavailable])
}) {
  override get message() {
    return this.reason.message
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return this.reason._tag === "SessionsUnavailable"
  }
}

/** A session without its token. `id` is the hash of its first token: it may appear in logs, and resumes nothing. */
export interface Session {
  readonly id: string
  readonly user: UserId
  readonly expiresAt: Instant
}

/** A session with its current token, which its user keeps. */
export interface IssuedSession extends Session {
  readonly token: Redacted.Redacted
}

/** A session that was ended before its time: by its user, or because a token was shown that had been replaced. */
export interface Revocation {
  readonly id: string
  readonly user: UserId
  readonly reason: "SignedOut" | "TokenReused"
}

/** The sessions of all users. */
export class Sessions extends Context.Service<Sessions, {
  /** 32 random bytes as base64url, for a challenge. */
  readonly nonce: () => string
  /** Whether `signature` is `publicKey`'s over the challenge. Never fails; takes about 0.1 ms off the event loop. */
  readonly verifyChallenge: (challenge: Challenge, publicKey: UserId, signature: string) => Effect.Effect<boolean>
  /** Whether `signature` is `publicKey`'s over a text; as `verifyChallenge`. */
  readonly verifyText: (text: string, publicKey: UserId, signature: string) => Effect.Effect<boolean>
  /** Opens a session, and issues its token. */
  readonly open: (user: UserId) => Effect.Effect<IssuedSession, SessionError>
  /**
   * The session of a token that `instance` shows, until the end of its grace period; null for a client that names no
   * instance. The token is another one if it was renewed before, or is in the second half of its life.
   */
  readonly resume: (token: Redacted.Redacted, instance: string | null) => Effect.Effect<IssuedSession, SessionError>
  /** As `resume`, and renews the token whatever its age (AUT2). The token must be one of the session `id`. */
  readonly renew: (
    id: string,
    token: Redacted.Redacted,
    instance: string | null
  ) => Effect.Effect<IssuedSession, SessionError>
  /** As `resume`, but never replaces the token: for requests whose answer carries none. */
  readonly authenticate: (token: Redacted.Redacted, instance: string | null) => Effect.Effect<Session, SessionError>
  /** A session by its id, unless it has ended. */
  readonly find: (id: string) => Effect.Effect<Session, SessionError>
  /** Holds a session: its token resumes it until `until` at least (CON5). */
  readonly extend: (id: string, until: Instant) => Effect.Effect<void, SessionError>
  /** Ends a session: none of its tokens resumes it any more once this has succeeded (SEC7). */
  readonly revoke: (id: string) => Effect.Effect<void, SessionError>
  /** Calls `listener` when a session was revoked, after which no token resumes it; until the scope closes. */
  readonly onRevoked: (listener: (revocation: Revocation) => void) => Effect.Effect<void, never, Scope.Scope>
}>()("choir/services/Sessions") {}

/**
 * Sessions over any store of rows, one for each family of tokens (AUT2). Tokens are random and opaque; only their hashes are
 * stored. What a token is worth is decided by `domain/session/SessionFamily`.
 */
import { Clock, Effect, Redacted, type Scope } from "effect"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as SessionFamily from "../../domain/session/SessionFamily.ts"
import * as SessionLifetime from "../../domain/session/SessionLifetime.ts"
import {
  type IssuedSession,
  type Revocation,
  type Session,
  SessionError,
  Sessions,
  SessionUnknown
} from "../../services/Sessions.ts"
import * as Entropy from "../runtime/Entropy.ts"
import { addListener } from "../runtime/ScopedListeners.ts"
import * as SessionTokens from "./SessionTokens.ts"

type Family = SessionFamily.SessionFamily

/** Rows by the id of their family. */
export interface SessionRows {
  readonly insert: (family: Family) => Effect.Effect<void, SessionError>
  readonly find: (id: string) => Effect.Effect<Family | undefined, SessionError>
  /** Writes `next` over `current`; false, and no change, if the row is another one by now or was removed. */
  readonly replace: (current: Family, next: Family) => Effect.Effect<boolean, SessionError>
  readonly remove: (id: string) => Effect.Effect<void, SessionError>
  /** Removes up to `count` rows that expired before `instant`; returns how many. */
  readonly removeExpired: (instant: Instant, count: number) => Effect.Effect<number, SessionError>
}

/** The limits of sessions. */
export type SessionLimits = Pick<Limits, "sessionTtl" | "sessionGrace">

const sessionUnknown = new SessionError({ reason: new SessionUnknown({}) })

const toSession = ({ expiresAt, id, user }: Family): Session => ({ id, user, expiresAt })

const toIssued = (family: Family, token: string): IssuedSession => ({
  ...toSession(family),
  token: Redacted.make(token)
})

/** Rows that are removed at a time, so that a statement stays short. */
const purgeCount = 256

/** Milliseconds between two looks for expired rows; from one full batch to the next. */
const purgeIntervalMillis = 60_000
const purgePauseMillis = 250

/** Removes rows of which no token is of use any more, for as long as the server runs. Nobody waits for it. */
const purgeExpired = ({ removeExpired }: SessionRows, { sessionGrace }: SessionLimits): Effect.Effect<never> =>
  Effect.clockWith((clock) =>
    Effect.suspend(() => removeExpired(clock.currentTimeMillisUnsafe() - sessionGrace, purgeCount)).pipe(
      Effect.catch((error) => Effect.as(Effect.logWarning("expired sessions were not removed", error.message), 0)),
      Effect.flatMap((count) => Effect.sleep(count === purgeCount ? purgePauseMillis : purgeIntervalMillis)),
      Effect.forever
    )
  )

/** What using a token needs. */
interface TokenUse {
  readonly rows: SessionRows
  readonly limits: SessionLimits
  readonly bytes: (count: number) => Uint8Array
  readonly revoke: (family: Family, reason: Revocation["reason"]) => Effect.Effect<void, SessionError>
}

/** The family after its current token was renewed, and the token that is current then. */
const renew = ({ bytes, limits }: TokenUse, family: Family, token: string, instance: string | null, now: Instant) => {
  if (!SessionFamily.mustRotate(family, now, limits)) return { next: SessionFamily.extend(family, now, limits), token }
  const successorKey = SessionTokens.newToken(bytes)
  const successor = SessionTokens.successorOf(token, successorKey)
  const rotation = { tokenHash: SessionTokens.hashToken(successor), successorKey }
  return { next: SessionFamily.rotate(family, rotation, instance, now, limits), token: successor }
}

/** Uses a token that `instance` shows, and renews it if `isDue`. A row that was changed meanwhile is looked at again. */
const useToken = Effect.fnUntraced(function*(
  context: TokenUse,
  token: string,
  instance: string | null,
  isDue: (family: Family, now: Instant) => boolean
): Effect.fn.Return<IssuedSession, SessionError> {
  const { limits, revoke, rows } = context
  const shown = { tokenHash: SessionTokens.hashToken(token), instance }
  for (;;) {
    const id = SessionTokens.familyIdOf(token)
    const family = id === undefined ? undefined : yield* rows.find(id)
    if (family === undefined) return yield* sessionUnknown
    const now = yield* Clock.currentTimeMillis
    const status = SessionFamily.tokenStatus(family, shown, now, limits)
    switch (status._tag) {
      case "Ended":
        return yield* sessionUnknown
      case "Reused":
        yield* Effect.logWarning("a session token was shown after it was replaced: its session is revoked").pipe(
          Effect.annotateLogs({ session: family.id, user: family.user })
        )
        yield* revoke(family, "TokenReused")
        return yield* sessionUnknown
      case "Repeated":
        return toIssued(family, SessionTokens.successorOf(token, status.successorKey))
      case "Current": {
        if (!isDue(family, now)) return toIssued(family, token)
        const renewed = renew(context, family, token, instance, now)
        if (yield* rows.replace(family, renewed.next)) return toIssued(renewed.next, renewed.token)
      }
    }
  }
})

/** `Sessions` over `rows`. */
export const make = Effect.fnUntraced(function*(
  rows: SessionRows,
  limits: SessionLimits
): Effect.fn.Return<Sessions["Service"], never, Scope.Scope> {
  const bytes = yield* Entropy.RandomBytes
  const revocationListeners = new Set<(revocation: Revocation) => void>()
  const publish = (revocation: Revocation) => revocationListeners.forEach((listener) => listener(revocation))
  yield* Effect.forkScoped(purgeExpired(rows, limits))

  const revoke = ({ id, user }: Family, reason: Revocation["reason"]) =>
    Effect.andThen(rows.remove(id), Effect.sync(() => publish({ id, user, reason })))
  const use = (token: Redacted.Redacted, instance: string | null, isDue: Parameters<typeof useToken>[3]) =>
    useToken({ rows, limits, bytes, revoke }, Redacted.value(token), instance, isDue)

  const open = Effect.fnUntraced(function*(user: UserId) {
    const token = SessionTokens.newToken(bytes)
    const tokenHash = SessionTokens.hashToken(token)
    const family: Family = {
      id: tokenHash,
      user,
      tokenHash,
      expiresAt: SessionLifetime.expiryOf(yield* Clock.currentTimeMillis, limits),
      rotation: null
    }
    yield* rows.insert(family)
    return toIssued(family, token)
  })

  const find = Effect.fnUntraced(function*(id: string) {
    const family = yield* rows.find(id)
    return family !== undefined && SessionLifetime.isResumable(family.expiresAt, yield* Clock.currentTimeMillis, limits)
      ? toSession(family)
      : yield* sessionUnknown
  })

  const extend = Effect.fnUntraced(function*(id: string, until: Instant) {
    for (;;) {
      const family = yield* rows.find(id)
      if (family === undefined) return
      const held = SessionFamily.hold(family, until, limits)
      if (held.expiresAt === family.expiresAt || (yield* rows.replace(family, held))) return
    }
  })

  return Sessions.of({
    nonce: () => SessionTokens.newToken(bytes),
    verifyChallenge: SessionTokens.verifyChallenge,
    verifyText: SessionTokens.verifyText,
    open,
    resume: (token, instance) =>
      use(token, instance, ({ expiresAt }, now) => SessionLifetime.mustRotateOnResume(expiresAt, now, limits)),
    renew: (id, token, instance) =>
      SessionTokens.familyIdOf(Redacted.value(token)) === id
        ? use(token, instance, () => true)
        : Effect.fail(sessionUnknown),
    authenticate: (token, instance) => use(token, instance, () => false),
    find,
    extend,
    revoke: (id) =>
      Effect.flatMap(rows.find(id), (family) => family === undefined ? Effect.void : revoke(family, "SignedOut")),
    onRevoked: (listener) => addListener(revocationListeners, listener)
  })
})

/** The contract of sessions, run against each implementation (AUT2, SEC7, CON5). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import { type IssuedSession, type Revocation, type SessionError, Sessions } from "../../src/services/Sessions.ts"
import { makeTestUser } from "../support/TestUsers.ts"

/** The token of an issued session. */
export const tokenOf = ({ token }: IssuedSession): string => Redacted.value(token)

/** How an attempt to use a token failed; undefined if it did not. */
export const failure = <A, R>(attempt: Effect.Effect<A, SessionError, R>) =>
  Effect.match(attempt, { onFailure: ({ reason }) => reason._tag, onSuccess: () => undefined })

/** Everything that is revoked from now on. */
const recordRevocations = Effect.gen(function*() {
  const revocations: Array<Revocation> = []
  yield* (yield* Sessions).onRevoked((revocation) => revocations.push(revocation))
  return revocations
})

/** Registers the suite. Every test gets an empty store. */
export const suite = <E>(name: string, layer: Layer.Layer<Sessions, E>): void => {
  describe(`${name}: sessions`, () => {
    const test = (title: string, body: Effect.Effect<void, SessionError, Sessions | Scope.Scope>) =>
      it.effect(title, () => Effect.provide(body, layer))

    test(
      "[AUT2] a token resumes its session until its grace period of 25 s ends",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const { key } = makeTestUser()
        const { id, token } = yield* sessions.open(key)
        assert.strictEqual((yield* sessions.find(id)).user, key)
        yield* TestClock.adjust(defaults.sessionTtl + defaults.sessionGrace - 1)
        assert.strictEqual((yield* sessions.authenticate(token, null)).user, key)
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* failure(sessions.authenticate(token, null)), "SessionUnknown")
        assert.strictEqual(yield* failure(sessions.resume(token, null)), "SessionUnknown")
        assert.strictEqual(yield* failure(sessions.find(id)), "SessionUnknown")
      })
    )

    test(
      "[AUT2] resuming keeps a young token, and renews one in the second half of its life",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const first = yield* sessions.open(makeTestUser().key)
        assert.strictEqual(tokenOf(yield* sessions.resume(first.token, "a")), tokenOf(first))
        yield* TestClock.adjust(defaults.sessionTtl / 2 + 1)
        const next = yield* sessions.resume(first.token, "a")
        assert.notStrictEqual(tokenOf(next), tokenOf(first))
        assert.deepInclude(next, {
          id: first.id,
          user: first.user,
          expiresAt: first.expiresAt + defaults.sessionTtl / 2 + 1
        })
      })
    )

    test(
      "[AUT2] a client instance that shows a renewed token again gets the same successor",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const { id, token } = yield* sessions.open(makeTestUser().key)
        const next = yield* sessions.renew(id, token, "a")
        assert.notStrictEqual(tokenOf(next), Redacted.value(token))
        yield* TestClock.adjust(defaults.sessionGrace - 1)
        for (const again of [sessions.renew(id, token, "a"), sessions.resume(token, "a")]) {
          assert.deepStrictEqual(yield* again, next)
        }
        assert.strictEqual((yield* sessions.authenticate(token, "a")).id, id)
        const third = yield* sessions.renew(id, next.token, "a")
        // While the first token may be shown again, its successor lives longer instead of being replaced.
        assert.strictEqual(tokenOf(third), tokenOf(next))
        yield* TestClock.adjust(1)
        assert.notStrictEqual(tokenOf(yield* sessions.renew(id, next.token, "a")), tokenOf(next))
      })
    )

    it.effect.each<[name: string, wait: number, instance: string | null, count: number]>([
      ["another instance", 0, "b", 1],
      ["a client without an instance", 0, null, 1],
      ["the same instance after the grace period", defaults.sessionGrace, "a", 1],
      ["the same instance after two renewals", defaults.sessionGrace, "a", 2]
    ])(
      "[AUT2] [SEC7] a renewed token that is shown again by %s ends all tokens",
      ([, wait, instance, count]) =>
        Effect.gen(function*() {
          const sessions = yield* Sessions
          const revocations = yield* recordRevocations
          const stolen = yield* sessions.open(makeTestUser().key)
          let last = stolen
          for (let n = 0; n < count; n++) {
            last = yield* sessions.renew(stolen.id, last.token, "a")
            yield* TestClock.adjust(wait)
          }
          assert.strictEqual(yield* failure(sessions.resume(stolen.token, instance)), "SessionUnknown")
          assert.strictEqual(yield* failure(sessions.resume(last.token, "a")), "SessionUnknown")
          assert.strictEqual(yield* failure(sessions.find(stolen.id)), "SessionUnknown")
          assert.deepStrictEqual(revocations, [{ id: stolen.id, user: stolen.user, reason: "TokenReused" }])
        }).pipe(Effect.scoped, Effect.provide(layer))
    )

    test(
      "[SEC7] revoking ends every token of the session and no other session; what is no token ends nothing",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const revocations = yield* recordRevocations
        const { key } = makeTestUser()
        const other = yield* sessions.open(key)
        const first = yield* sessions.open(key)
        const second = yield* sessions.renew(first.id, first.token, "a")
        yield* sessions.revoke(first.id)
        yield* sessions.revoke(first.id)
        for (const dead of [first.token, second.token, Redacted.make("guess"), Redacted.make("")]) {
          assert.strictEqual(yield* failure(sessions.resume(dead, "a")), "SessionUnknown")
        }
        assert.strictEqual(yield* failure(sessions.renew(first.id, second.token, "a")), "SessionUnknown")
        yield* sessions.extend(first.id, Number.MAX_SAFE_INTEGER)
        assert.strictEqual(yield* failure(sessions.find(first.id)), "SessionUnknown")
        assert.deepStrictEqual(revocations, [{ id: first.id, user: key, reason: "SignedOut" }])
        for (const suffix of ["x", "x".repeat(42), "x".repeat(44)]) {
          const garbled = Redacted.make(tokenOf(other) + suffix)
          assert.strictEqual(yield* failure(sessions.resume(garbled, "a")), "SessionUnknown")
        }
        assert.strictEqual((yield* sessions.resume(other.token, "a")).id, other.id)
      })
    )

    test(
      "[AUT2] a session renews no token of another one",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const [mine, theirs] = [yield* sessions.open(makeTestUser().key), yield* sessions.open(makeTestUser().key)]
        assert.strictEqual(yield* failure(sessions.renew(mine.id, theirs.token, "a")), "SessionUnknown")
        assert.strictEqual(tokenOf(yield* sessions.resume(theirs.token, "b")), tokenOf(theirs))
      })
    )

    test(
      "[CON5] a session that is held can be resumed for two minutes although its token has expired",
      Effect.gen(function*() {
        const sessions = yield* Sessions
        const { id, token } = yield* sessions.open(makeTestUser().key)
        yield* TestClock.adjust(defaults.sessionTtl)
        yield* sessions.extend(id, defaults.sessionTtl + defaults.resumeWindow)
        yield* TestClock.adjust(defaults.resumeWindow - 1)
        assert.strictEqual((yield* sessions.authenticate(token, null)).id, id)
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* failure(sessions.authenticate(token, null)), "SessionUnknown")
      })
    )
  })
}

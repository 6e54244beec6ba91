import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Fiber, Layer, Redacted, Schema, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import type { SessionFamily } from "../../../src/domain/session/SessionFamily.ts"
import * as SessionsMemory from "../../../src/layers/sessions/SessionsMemory.ts"
import * as SessionsSql from "../../../src/layers/sessions/SessionsSql.ts"
import * as SessionStore from "../../../src/layers/sessions/SessionStore.ts"
import * as SessionTokens from "../../../src/layers/sessions/SessionTokens.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { type IssuedSession, type Revocation, type SessionError, Sessions } from "../../../src/services/Sessions.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

const database = Sqlite.layer({ filename: ":memory:" })

const tokenOf = ({ token }: IssuedSession): string => Redacted.value(token)

/** How an attempt to use a token failed; undefined if it did not. */
const failure = <A, R>(attempt: Effect.Effect<A, SessionError, R>) =>
  Effect.match(attempt, { onFailure: ({ reason }) => reason._tag, onSuccess: () => undefined })

/** Everything that is revoked from now on. */
const recordRevocations = Effect.gen(function*() {
  const revocations: Array<Revocation> = []
  yield* (yield* Sessions).onRevoked((revocation) => revocations.push(revocation))
  return revocations
})

describe.each([
  { name: "in memory", layer: SessionsMemory.layer(defaults) },
  { name: "in SQL", layer: SessionsSql.layer(defaults).pipe(Layer.provide(database)) }
])("sessions $name", ({ layer }) => {
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

describe("sessions in SQL", () => {
  /** The service anew, as after a restart, over the same database. */
  const restarted = <A, E, R>(use: (sessions: Sessions["Service"]) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(Sessions, use).pipe(Effect.provide(SessionsSql.layer(defaults), { local: true }))

  it.effect("[AUT2] sessions survive a restart, and the table contains no token", () =>
    Effect.gen(function*() {
      const first = yield* restarted((sessions) => sessions.open(makeTestUser().key))
      // The server stops after it has renewed the token and before it answers.
      const next = yield* restarted((sessions) => sessions.renew(first.id, first.token, "a"))
      const table = JSON.stringify(yield* (yield* SqlClient.SqlClient)`SELECT * FROM sessions`)
      for (const session of [first, next]) assert.notInclude(table, tokenOf(session))
      assert.deepStrictEqual(yield* restarted((sessions) => sessions.renew(first.id, first.token, "a")), next)
      assert.strictEqual(yield* failure(restarted((sessions) => sessions.resume(first.token, "b"))), "SessionUnknown")
      assert.strictEqual(yield* failure(restarted((sessions) => sessions.resume(next.token, "a"))), "SessionUnknown")
    }).pipe(Effect.provide(database)))

  it.effect("[AUT2] expired sessions are removed while the server runs", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const count = Effect.map(sql<{ n: number }>`SELECT COUNT(*) AS n FROM sessions`, ([row]) => row!.n)
      yield* Effect.gen(function*() {
        const sessions = yield* Sessions
        const { key } = makeTestUser()
        for (let n = 0; n < 600; n++) yield* sessions.open(key)
        yield* TestClock.adjust(defaults.sessionTtl)
        const last = yield* sessions.open(key)
        yield* TestClock.adjust(defaults.sessionGrace)
        assert.strictEqual(yield* count, 601)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* count, 1)
        assert.strictEqual((yield* sessions.find(last.id)).id, last.id)
      }).pipe(Effect.provide(SessionsSql.layer(defaults)))
    }).pipe(Effect.provide(database)))

  it.effect("[AUT2] tokens of a database with a row for each token resume, and are renewed", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { key } = makeTestUser()
      const token = SessionTokens.newToken((count) => new Uint8Array(count).fill(7))
      yield* sql`CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY, user_key TEXT NOT NULL, expires_at BIGINT NOT NULL
      )`
      yield* sql`INSERT INTO sessions (token_hash, user_key, expires_at)
        VALUES (${SessionTokens.hashToken(token)}, ${key}, ${defaults.sessionTtl})`
      const { id } = yield* restarted((sessions) => sessions.resume(Redacted.make(token), "a"))
      const next = yield* restarted((sessions) => sessions.renew(id, Redacted.make(token), "a"))
      assert.strictEqual(
        tokenOf(yield* restarted((sessions) => sessions.resume(Redacted.make(token), "a"))),
        tokenOf(next)
      )
      assert.strictEqual(next.user, key)
    }).pipe(Effect.provide(database)))
})

// -- What interleaves --------------------------------------------------------

/** One caller's use of the first token or, once it knows one, of its successor; `steps` are the times its rows take. */
const caller = Schema.Struct({
  action: Schema.Literals(["renew", "renew", "resume", "sign_out", "hold"]),
  instance: Schema.Literals(["a", "a", "a", "b"]),
  start: Schema.Literals([0, 0, 1, 2, 5])
})

/** Rows that take between 0 and 3 ms before and after they do their work, by turns of `delays`. */
const slowRows = (rows: SessionStore.SessionRows, delays: ReadonlyArray<number>): SessionStore.SessionRows => {
  let turn = 0
  const slowly = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() =>
      effect.pipe(
        Effect.delay(delays[turn++ % delays.length]!),
        Effect.tap(() => Effect.sleep(delays[turn++ % delays.length]!))
      )
    )
  return {
    insert: rows.insert,
    find: (id) => slowly(rows.find(id)),
    replace: (current, next) => slowly(rows.replace(current, next)),
    remove: (id) => slowly(rows.remove(id)),
    removeExpired: rows.removeExpired
  }
}

/** Rows without the comparison of `replace`: what was changed or removed meanwhile is overwritten. */
const careless = (families: Map<string, SessionFamily>): SessionStore.SessionRows => ({
  ...SessionsMemory.makeRows(families),
  replace: (_, next) => Effect.sync(() => (families.set(next.id, next), true))
})

/** Runs callers at once over slow rows; returns what would be wrong, or undefined. */
const interleave = (
  makeRows: typeof SessionsMemory.makeRows,
  callers: ReadonlyArray<typeof caller.Type>,
  delays: ReadonlyArray<number>
) =>
  Effect.gen(function*() {
    const sessions = yield* SessionStore.make(slowRows(makeRows(new Map()), delays), defaults)
    const revocations: Array<Revocation> = []
    yield* sessions.onRevoked((revocation) => revocations.push(revocation))
    const first = yield* sessions.open(makeTestUser().key)
    const successors = new Set<string>()
    const run = ({ action, instance, start }: typeof caller.Type) =>
      Effect.gen(function*() {
        if (action === "sign_out") return yield* sessions.revoke(first.id)
        if (action === "hold") return yield* sessions.extend(first.id, defaults.sessionTtl * 3)
        const session = yield* action === "renew"
          ? sessions.renew(first.id, first.token, instance)
          : sessions.resume(first.token, instance)
        if (tokenOf(session) !== tokenOf(first)) successors.add(tokenOf(session))
      }).pipe(Effect.ignore, Effect.delay(start))
    const running = yield* Effect.forkChild(Effect.all(callers.map(run), { concurrency: "unbounded", discard: true }))
    yield* TestClock.adjust("1 seconds")
    yield* Fiber.join(running)

    if (successors.size > 1) return "the token has two successors"
    const alive = yield* Effect.forkChild(Effect.result(sessions.find(first.id)))
    yield* TestClock.adjust("1 seconds")
    const isAlive = (yield* Fiber.join(alive))._tag === "Success"
    if (revocations.length > 0 && isAlive) return "the session outlives its revocation"
    if (callers.some(({ action }) => action === "sign_out") && isAlive) return "the session outlives a sign-out"
    const isHonest = callers.every(({ action, instance }) => action !== "sign_out" && instance === "a")
    return isHonest && !isAlive ? "an honest client was signed out" : undefined
  }).pipe(Effect.scoped)

const callers = Arbitrary.array(Arbitrary.schema(caller), { minLength: 2, maxLength: 6 })
const delays = Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 1, 2, 3])), { minLength: 7, maxLength: 13 })

describe("sessions whose rows are slow", () => {
  it.effect.prop(
    "[AUT2] [SEC7] a token has one successor, and nothing outlives a sign-out, however the callers interleave",
    { callers, delays },
    ({ callers, delays }) =>
      Effect.map(interleave(SessionsMemory.makeRows, callers, delays), (fault) => assert.isUndefined(fault)),
    { arbitrary: { runs: 300 } }
  )

  it.effect("the property finds rows that are replaced without a comparison", () =>
    Effect.gen(function*() {
      const renew = { action: "renew", instance: "a", start: 0 } as const
      assert.strictEqual(yield* interleave(careless, [renew, renew], [1, 2, 3]), "the token has two successors")
      const signOut = { ...renew, action: "sign_out" } as const
      assert.strictEqual(
        yield* interleave(careless, [renew, signOut], [1, 1, 3, 0]),
        "the session outlives its revocation"
      )
    }))
})

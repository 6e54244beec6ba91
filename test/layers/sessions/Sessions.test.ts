import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import type { SessionFamily } from "../../../src/domain/session/SessionFamily.ts"
import * as SessionsMemory from "../../../src/layers/sessions/SessionsMemory.ts"
import * as SessionsSql from "../../../src/layers/sessions/SessionsSql.ts"
import * as SessionStore from "../../../src/layers/sessions/SessionStore.ts"
import * as SessionTokens from "../../../src/layers/sessions/SessionTokens.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { type Revocation, Sessions } from "../../../src/services/Sessions.ts"
import { failure, suite, tokenOf } from "../../contract/Sessions.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

const database = Sqlite.layer({ filename: ":memory:" })

suite("memory", SessionsMemory.layer(defaults))
suite("SQLite", SessionsSql.layer(defaults).pipe(Layer.provide(database)))

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

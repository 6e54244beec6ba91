import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as SessionsMemory from "../../../src/layers/sessions/SessionsMemory.ts"
import * as SessionsSql from "../../../src/layers/sessions/SessionsSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { Sessions } from "../../../src/services/Sessions.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

const database = Sqlite.layer({ filename: ":memory:" })

describe.each([
  { name: "in memory", layer: SessionsMemory.layer(defaults) },
  { name: "in SQL", layer: SessionsSql.layer(defaults).pipe(Layer.provide(database)) }
])("sessions $name", ({ layer }) => {
  it.effect("[AUT2] a token resumes its session until its grace period of 25 s ends", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      const { key } = makeTestUser()
      const { token } = yield* sessions.open(key)
      assert.strictEqual((yield* sessions.resume(token)).user, key)
      yield* TestClock.adjust(defaults.sessionTtl + defaults.sessionGrace - 1)
      assert.strictEqual((yield* sessions.resume(token)).user, key)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Effect.flip(sessions.resume(token))).reason._tag, "SessionUnknown")
    }).pipe(Effect.provide(layer)))

  it.effect("[AUT2] renewing issues a new token; the old one keeps its grace period", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      const old = yield* sessions.open(makeTestUser().key)
      const next = yield* sessions.renew(old.id)
      assert.notStrictEqual(Redacted.value(next.token), Redacted.value(old.token))
      yield* TestClock.adjust(defaults.sessionGrace)
      assert.strictEqual((yield* Effect.flip(sessions.resume(old.token))).reason._tag, "SessionUnknown")
      assert.strictEqual((yield* sessions.resume(next.token)).user, old.user)
    }).pipe(Effect.provide(layer)))

  it.effect("[AUT2] a revoked token and an unknown token resume nothing", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      const { id, token } = yield* sessions.open(makeTestUser().key)
      yield* sessions.revoke(id)
      for (const dead of [token, Redacted.make("guess")]) {
        assert.strictEqual((yield* Effect.flip(sessions.resume(dead))).reason._tag, "SessionUnknown")
      }
      assert.strictEqual((yield* Effect.flip(sessions.renew(id))).reason._tag, "SessionUnknown")
    }).pipe(Effect.provide(layer)))

  it.effect("[CON5] a session that is held can be resumed for two minutes although its token has expired", () =>
    Effect.gen(function*() {
      const sessions = yield* Sessions
      const { id, token } = yield* sessions.open(makeTestUser().key)
      yield* TestClock.adjust(defaults.sessionTtl)
      yield* sessions.extend(id, defaults.sessionTtl + defaults.resumeWindow)
      yield* TestClock.adjust(defaults.resumeWindow - 1)
      assert.strictEqual((yield* sessions.resume(token)).id, id)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Effect.flip(sessions.resume(token))).reason._tag, "SessionUnknown")
    }).pipe(Effect.provide(layer)))
})

describe("sessions in SQL", () => {
  it.effect("[AUT2] sessions survive a restart, and the table contains no token", () =>
    Effect.gen(function*() {
      const { token } = yield* Effect.flatMap(Sessions, (sessions) => sessions.open(makeTestUser().key)).pipe(
        Effect.provide(SessionsSql.layer(defaults), { local: true })
      )
      const sql = yield* SqlClient.SqlClient
      assert.notInclude(JSON.stringify(yield* sql`SELECT * FROM sessions`), Redacted.value(token))
      yield* Effect.flatMap(Sessions, (sessions) => sessions.resume(token)).pipe(
        Effect.provide(SessionsSql.layer(defaults), { local: true })
      )
    }).pipe(Effect.provide(database)))
})

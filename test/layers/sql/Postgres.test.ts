/** What is stored in SQL, in a real Postgres server. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, References } from "effect"
import { SqlClient } from "effect/sql"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as SessionsSql from "../../../src/layers/sessions/SessionsSql.ts"
import * as Postgres from "../../../src/layers/sql/Postgres.ts"
import { Sessions } from "../../../src/services/Sessions.ts"
import * as EventLogContract from "../../contract/EventLog.ts"
import * as SessionsContract from "../../contract/Sessions.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import * as OutdatedLog from "../../support/OutdatedLog.ts"
import * as PostgresServer from "../../support/PostgresServer.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { connectSignedIn, makeTestUser, request } from "../../support/TestUsers.ts"

/** What the log and the sessions of one server need, all of it migrated. */
const stores = Layer.merge(EventLogSql.layer, SessionsSql.layer(defaults))

/** Without the warning that the test's server has fsync off. */
const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

Prerequisite.describeWith(Prerequisite.postgres(PostgresServer.programs), "Postgres", () => {
  const { server } = PostgresServer.forSuite({ fsync: false })
  const database = PostgresServer.clientLayer(server)

  EventLogContract.suite("Postgres", EventLogSql.layer.pipe(Layer.provide(database)))
  SessionsContract.suite("Postgres", SessionsSql.layer(defaults).pipe(Layer.provide(database)))

  it.live("[TOP9] servers that start on one database at the same moment create its tables once", () =>
    Effect.gen(function*() {
      const url = yield* server().schemaUrl()
      const start = Layer.build(Layer.fresh(stores).pipe(Layer.provideMerge(Layer.fresh(Postgres.layer({ url })))))
      const [context] = yield* Effect.all([start, start, start, start], { concurrency: "unbounded" })
      const migrations = yield* Effect.flatMap(
        SqlClient.SqlClient,
        (sql) => sql`SELECT migration_id FROM choir_log_migrations ORDER BY migration_id`
      ).pipe(Effect.provide(context))
      assert.deepStrictEqual(migrations.map((row) => row["migration_id"]), [1])
    }).pipe(Effect.scoped, quietly))

  it.effect("[TOP9] logs of a version before log format 1 are refused", () =>
    Effect.gen(function*() {
      const url = yield* server().schemaUrl()
      yield* OutdatedLog.create.pipe(Effect.provide(Layer.fresh(Postgres.layer({ url }))))
      const start = Layer.build(
        Layer.fresh(EventLogSql.layer).pipe(Layer.provide(Layer.fresh(Postgres.layer({ url }))))
      )
      assert.match((yield* Effect.flip(start)).message, /, schema \S+ has the tables of a version of Choir before/)
    }).pipe(Effect.scoped, quietly))

  it.live("[SEC7] a session that one server revokes is resumed by no other", () =>
    Effect.gen(function*() {
      const url = yield* server().schemaUrl()
      const start = Effect.map(
        Layer.build(Layer.fresh(stores).pipe(Layer.provide(Layer.fresh(Postgres.layer({ url }))))),
        (context) => Effect.provide(Sessions, context)
      )
      const [here, there] = [yield* yield* start, yield* yield* start]
      const { id, token } = yield* here.open(makeTestUser().key)
      assert.strictEqual((yield* there.resume(token, "a")).id, id)
      yield* here.revoke(id)
      assert.strictEqual(yield* SessionsContract.failure(there.resume(token, "a")), "SessionUnknown")
    }).pipe(Effect.scoped, quietly))

  it.live("[TOP4] a server keeps topics and sessions in Postgres, and its vectors beside it", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const CHOIR_POSTGRES_URL = Redacted.value(yield* server().schemaUrl())
      const user = makeTestUser()
      const start = startInProcessServer({ CHOIR_POSTGRES_URL, CHOIR_DATA: data })
      const thread = yield* Effect.gen(function*() {
        const client = yield* connectSignedIn(socketUrl(yield* start), user)
        const created = yield* request(client, "create_thread", { name: "Notes" })
        const thread = `thread:${created.payload["ref_id"]}`
        const answer = yield* request(client, "submit_message", { content: "Steep green tea at 80 degrees." }, thread)
        assert.strictEqual(answer.type, "receipt")
        return thread
      }).pipe(Effect.scoped)
      assert.deepStrictEqual(["choir.db", "vectors.db"].map((name) => existsSync(join(data, name))), [false, true])
      const client = yield* connectSignedIn(socketUrl(yield* start), user)
      const { payload } = yield* request(client, "subscribe", {}, thread)
      assert.include(JSON.stringify(payload), "Steep green tea at 80 degrees.")
    }).pipe(Effect.scoped, quietly))

  it.live.each<[name: string, url: () => string, reason: string]>([
    ["where nobody listens", () => "postgres://me:canary@127.0.0.1:1/x", "connect ECONNREFUSED 127.0.0.1:1"],
    ["without the database", () => serverUrl("missing"), `database "missing" does not exist`],
    ["that would lose acknowledged appends", () => serverUrl("postgres", "-csynchronous_commit%3Doff"), "set it to on"],
    ["without a schema", () => serverUrl("postgres", "-csearch_path%3Dnone"), "grant CREATE on it"]
  ])(
    "[OPS10] [SEC33] a server %s is refused in one line, without the password",
    ([, url, reason]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.build(Postgres.layer({ url: Redacted.make(url()) })))
        assert.match(error.message, /^the Postgres server \S+ cannot be used: [^\n]+$/)
        assert.include(error.message, reason)
        assert.notInclude(inspect(error, { depth: 9, showHidden: true }), "canary")
      }).pipe(Effect.scoped)
  )

  it.live("[TOP4] a server whose commits do not reach the disk is warned about", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void logged.push(`${logLevel} ${String(message)}`))
      yield* Layer.build(Postgres.layer({ url: server().url() })).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(logged, [
        `Warn the Postgres server ${server().folder} has fsync off: a power failure loses or damages data`
      ])
    }).pipe(Effect.scoped))

  const serverUrl = (database: string, options = "") =>
    `postgres://choir:canary@localhost/${database}?host=${server().folder}&options=${options}`
})

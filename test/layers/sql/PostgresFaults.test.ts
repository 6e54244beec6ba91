/** Servers that compete for one database, and databases that fail, against real Postgres servers. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, type Redacted, Result, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Postgres from "../../../src/layers/sql/Postgres.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { AppendWorkload } from "../../support/AppendWorkload.ts"
import { makeFaultProxy } from "../../support/FaultProxy.ts"
import * as PostgresServer from "../../support/PostgresServer.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import { waitUntil } from "../../support/RoomClients.ts"
import { makeAppend } from "../eventlog/AppendFixture.ts"

/** A server's log on a pool of its own, and that pool. */
const openLog = (url: Redacted.Redacted, options: Partial<Postgres.PostgresOptions> = {}) =>
  Layer.build(
    Layer.fresh(EventLogSql.layer).pipe(Layer.provideMerge(Layer.fresh(Postgres.layer({ url, ...options }))))
  ).pipe(
    Effect.flatMap((context) => Effect.provide(Effect.all({ log: EventLog, sql: SqlClient.SqlClient }), context))
  )

const topics = ["a", "b", "c", "d"].map((name) => TopicId.make(`room:${name}`))

/** Runs writers on all topics in each of the logs, while `disturb` runs; then all outcomes must be true of the last log. */
const withWriters = <A, E>(
  logs: ReadonlyArray<EventLog["Service"]>,
  disturb: (work: AppendWorkload) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const work = new AppendWorkload()
    const writing = yield* Effect.forkChild(Effect.all(
      logs.flatMap((log, i) => topics.map((topic, n) => work.run(log, topic, `w${i}-${n}`))),
      { concurrency: "unbounded" }
    ))
    yield* disturb(work)
    work.stopped = true
    yield* Fiber.join(writing)
    assert.deepStrictEqual(yield* work.findViolations(logs.at(-1)!), [])
    return work
  })

/** Waits for as many more acknowledged appends. */
const awaitMore = (work: AppendWorkload, count: number) =>
  Effect.suspend(() => {
    const target = work.count("acknowledged") + count
    return waitUntil(() => work.count("acknowledged") >= target)
  })

/** The next insert of an event fails with this SQLSTATE, once: what a sequence has counted is not rolled back. */
const failOnce = (sql: SqlClient.SqlClient, code: string) =>
  Effect.gen(function*() {
    yield* sql`CREATE SEQUENCE faults`
    yield* sql.unsafe(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('faults') = 1 THEN RAISE EXCEPTION USING ERRCODE = '${code}'; END IF; RETURN NEW; END $$`
    )
    yield* sql`CREATE TRIGGER fault BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION fail()`
  })

Prerequisite.describeWith(Prerequisite.postgres(PostgresServer.programs), "Postgres under faults", () => {
  const { server } = PostgresServer.forSuite({ fsync: true })

  it.live("[TOP3] of two servers that create a topic at the same moment neither takes back what the other wrote", () =>
    Effect.gen(function*() {
      const url = yield* server().schemaUrl()
      const [here, there] = [(yield* openLog(url)).log, (yield* openLog(url)).log]
      for (let n = 0; n < 30; n++) {
        const topic = TopicId.make(`room:${n}`)
        const eventlessCommands = [{ id: CommandId.make("nothing"), seq: 0, author: "system:alice" }] as const
        const outcomes = yield* Effect.all([
          Effect.result(here.append({ ...makeAppend(topic, 0, 0), eventlessCommands })),
          Effect.result(there.append(makeAppend(topic, 0, 1)))
        ], { concurrency: "unbounded" })
        const [nothing, event] = outcomes.map((outcome) =>
          Result.isFailure(outcome) ? outcome.failure.reason._tag : "done"
        )
        const found = yield* here.findProcessedCommand(topic, CommandId.make("nothing"))
        const head = Option.getOrThrow(yield* here.head(topic)).position.seq
        // Nothing can precede the event, and not follow it: it was decided before it.
        assert.deepStrictEqual(
          { event, nothing, head, entries: (yield* there.read(topic, { after: 0, limit: 9 })).length },
          { event: "done", nothing: Option.isSome(found) ? "done" : "SeqConflict", head: 1, entries: 1 }
        )
      }
    }).pipe(Effect.scoped))

  it.live("[TOP3] two servers that append to the same topics fence each other", () =>
    Effect.gen(function*() {
      const url = yield* server().schemaUrl()
      const logs = [(yield* openLog(url)).log, (yield* openLog(url)).log]
      const work = yield* withWriters(logs, (work) => awaitMore(work, 200))
      assert.isAbove(work.count("refused"), 0)
      assert.strictEqual(work.count("unknown"), 0)
    }).pipe(Effect.scoped))

  it.live.each(["40001", "40P01", "23505"])(
    "[FLT6] an append that is rolled back with %s, for rows of another server, is tried again",
    (code) =>
      Effect.gen(function*() {
        const { log, sql } = yield* openLog(yield* server().schemaUrl())
        yield* failOnce(sql, code)
        const written = yield* Effect.forEach(topics, (topic) => log.append(makeAppend(topic, 0, 1)), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(written.map((entries) => entries.length), topics.map(() => 1))
      }).pipe(Effect.scoped)
  )

  it.live.each<[code: string, fault: "full" | "other", keepsConnection: boolean]>([
    ["57014", "other", true],
    ["53100", "full", true],
    ["25006", "other", false],
    ["57P01", "other", false]
  ])(
    "[FLT6] [TOP4] an append that fails with %s is unavailable, leaves nothing and can be repeated",
    ([code, fault, keeps]) =>
      Effect.gen(function*() {
        const { log, sql } = yield* openLog(yield* server().schemaUrl(), { connections: 1 })
        const backend = Effect.map(sql`SELECT pg_backend_pid() AS pid`, ([row]) => row?.["pid"])
        yield* failOnce(sql, code)
        const before = yield* backend
        const { reason } = yield* Effect.flip(log.append(makeAppend(topics[0]!, 0, 1)))
        assert.strictEqual(reason._tag === "LogUnavailable" && reason.fault, fault)
        assert.lengthOf(yield* sql`SELECT id FROM topics`, 0)
        assert.strictEqual((yield* backend) === before, keeps)
        assert.lengthOf(yield* log.append(makeAppend(topics[0]!, 0, 1)), 1)
      }).pipe(Effect.scoped)
  )

  it.live("[FLT6] a value that Postgres cannot store fails its own append only", () =>
    Effect.gen(function*() {
      const { log } = yield* openLog(yield* server().schemaUrl())
      const bad = makeAppend(topics[0]!, 0, 1)
      const eventlessCommands = [{ id: "\0", seq: 0, author: "system:alice" }] as never
      const outcomes = yield* Effect.forEach(
        [{ ...bad, eventlessCommands }, makeAppend(topics[1]!, 0, 1)],
        (append) => Effect.result(log.append(append)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(outcomes.map(({ _tag }) => _tag), ["Failure", "Success"])
    }).pipe(Effect.scoped))

  it.live("[FLT6] [TOP4] connections that the server ends in the middle of appends lose and repeat nothing", () =>
    Effect.gen(function*() {
      const { log } = yield* openLog(yield* server().schemaUrl())
      const work = yield* withWriters([log], (work) =>
        Effect.repeat(
          Effect.andThen(
            awaitMore(work, 10),
            server().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'choir'")
          ),
          { times: 10 }
        ))
      assert.isAbove(work.count("unknown"), 0)
    }).pipe(Effect.scoped))

  it.live("[FLT6] [TOP4] a network that is silent or reset delays appends, and loses and repeats nothing", () =>
    Effect.gen(function*() {
      const proxy = yield* makeFaultProxy(server().socket)
      const { log } = yield* openLog(yield* server().schemaUrl(proxy.url), { timeout: 300 })
      const work = yield* withWriters([log], (work) =>
        Effect.gen(function*() {
          for (let n = 0; n < 2; n++) {
            yield* awaitMore(work, 20)
            yield* proxy.setFault({ _tag: n === 0 ? "BlackHole" : "StallDown" })
            const unknown = work.count("unknown")
            yield* waitUntil(() => work.count("unknown") > unknown)
            yield* proxy.setFault({ _tag: "None" })
            yield* awaitMore(work, 20)
            yield* proxy.resetConnections
          }
          yield* awaitMore(work, 20)
        }))
      assert.isAbove(work.count("unknown"), 0)
    }).pipe(Effect.scoped))

  it.live("[FLT6] [TOP4] kill -9, crashes and restarts of the server lose no acknowledged append, and repeat none", () =>
    Effect.gen(function*() {
      const { log } = yield* openLog(yield* server().schemaUrl())
      const work = yield* withWriters([log], (work) =>
        Effect.gen(function*() {
          for (const mode of ["kill", "immediate", "fast"] as const) {
            yield* awaitMore(work, 50)
            yield* server().stop(mode)
            yield* server().start
          }
          yield* awaitMore(work, 50)
        }))
      assert.isAbove(work.count("unknown"), 0)
    }).pipe(Effect.scoped))

  it.live("[FLT6] [TOP4] a failover to a synchronous standby loses no acknowledged append, and repeats none", () =>
    Effect.gen(function*() {
      const primary = server()
      const standby = yield* Effect.acquireRelease(
        Effect.sync(() => new PostgresServer.PostgresServer({ fsync: true, primary })),
        (made) => made.remove
      )
      yield* standby.start
      const proxy = yield* makeFaultProxy(primary.socket)
      const { log } = yield* openLog(yield* primary.schemaUrl(proxy.url))
      yield* primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
      yield* primary.query("SELECT pg_reload_conf()")
      const work = yield* withWriters([log], (work) =>
        Effect.gen(function*() {
          yield* awaitMore(work, 50)
          // The address leads to the standby before that is promoted: it answers, and takes no writes.
          yield* proxy.setTarget(standby.socket)
          yield* primary.stop("kill")
          const unknown = work.count("unknown")
          yield* waitUntil(() => work.count("unknown") > unknown + topics.length)
          yield* standby.query("SELECT pg_promote()")
          yield* awaitMore(work, 50)
        }))
      assert.isAbove(work.count("unknown"), 0)
    }).pipe(Effect.scoped))
})

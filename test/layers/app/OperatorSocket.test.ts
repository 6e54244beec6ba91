import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { userInfo } from "node:os"
import { join } from "node:path"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { operatorFolder, operatorSocketName } from "../../../src/domain/protocol/Operator.ts"
import * as OperatorSocket from "../../../src/layers/app/OperatorSocket.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { runChoir } from "../../support/CliProcess.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { connectSignedIn, request, startListening, wsServerLayer } from "../../support/TestUsers.ts"

/** The status of the answer to a request through the socket. */
const post = (socketPath: string, body: string) =>
  Effect.callback<number>((resume) => {
    const outgoing = httpRequest({ socketPath, path: "/erase", method: "POST" }, (response) => {
      response.resume().on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.setHeader("content-type", "application/json").end(body)
  })

describe("the operator's socket", () => {
  it.live("[AUT8] only the owner of the data folder may use it; the event says who erased what, and why", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function*() {
        const url = yield* startListening
        const ada = yield* connectSignedIn(url)
        const thread = TopicId.make(`thread:${ada.send("create_thread", { name: "Tea" })}`)
        yield* ada.nextOf("receipt")
        yield* request(ada, "submit_message", { content: "to be taken back" }, thread)
        const path = join(folder, operatorFolder, operatorSocketName)
        assert.strictEqual(statSync(join(folder, operatorFolder)).mode & 0o777, 0o700)
        assert.strictEqual(statSync(path).mode & 0o777, 0o600)

        const log = yield* EventLog
        const read = log.read(thread, { after: 0, limit: 10 })
        const ofWrongName = JSON.stringify({ operator: "a b", topic: thread, seq: 2, reason: "x" })
        const ofHalfPair = JSON.stringify({ operator: "ann", topic: thread, seq: 2, reason: "\ud800" })
        for (const body of ["", "{}", ofWrongName, ofHalfPair]) assert.strictEqual(yield* post(path, body), 400)
        assert.strictEqual((yield* read).length, 2)

        const why = "asked for by its author"
        const erased = yield* runChoir(["erase", thread, "2", "--reason", why, "--data", folder])
        assert.strictEqual(erased.code, 0, erased.stderr)
        const last = (yield* read).at(-1)!
        const name = userInfo().username.replaceAll(/[^A-Za-z0-9._-]/gu, "-")
        const operator = `system:operator/${name}` as const
        assert.deepStrictEqual(last.principal, { server: operator })
        assert.deepInclude(last.event as object, { _tag: "Erased", seq: 2, by: operator })
        assert.include(Object.values(last.open).map(([, text]) => text), why)
        assert.deepStrictEqual((yield* read)[1]?.open, {})
      }).pipe(Effect.provide(OperatorSocket.layer(folder).pipe(Layer.provideMerge(wsServerLayer()))))
    }).pipe(Effect.scoped))

  it.live("[AUT8] a server that ends leaves the socket of the one that has taken its place", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const path = join(folder, operatorFolder, operatorSocketName)
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      for (const scope of [first, second]) yield* Layer.buildWithScope(OperatorSocket.layer(folder), scope)
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(yield* post(path, "{}"), 400)
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      yield* Scope.close(second, Exit.void)
      assert.deepStrictEqual(readdirSync(join(folder, operatorFolder)), [])
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8] where there can be none, the server runs without it and says so", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const warnings: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ message }) => void warnings.push(message))
      const start = Effect.scoped(Layer.build(OperatorSocket.layer(folder))).pipe(
        Effect.provide(Logger.layer([logger]))
      )
      writeFileSync(join(folder, operatorFolder), "")
      yield* start
      rmSync(join(folder, operatorFolder))
      mkdirSync(join(folder, operatorFolder, operatorSocketName), { recursive: true })
      yield* start
      assert.lengthOf(warnings, 2)
      for (const warning of warnings) assert.include(String(warning), "the operator has no socket in")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))
})

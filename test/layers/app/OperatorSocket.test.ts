import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { statSync } from "node:fs"
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
        for (const body of ["", "{}", JSON.stringify({ operator: "a b", topic: thread, seq: 2, reason: "x" })]) {
          assert.strictEqual(yield* post(path, body), 400)
        }
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
})

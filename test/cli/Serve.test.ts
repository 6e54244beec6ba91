import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { createServer } from "node:net"
import { join } from "node:path"
import { startChoir } from "../support/CliProcess.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"
import { connectSignedIn } from "../support/TestUsers.ts"

/** A port that nobody listens on. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const health = (url: string) =>
  Effect.option(Effect.map(Effect.tryPromise(() => fetch(`${url}/health/ready`)), ({ status }) => status))

describe("choir serve", () => {
  it.live("[OPS1] [SYN11] serves: it answers health and a sign-in, and drains and exits with 0 on SIGTERM", () =>
    Effect.scoped(Effect.gen(function*() {
      const data = join(yield* temporaryFolder, "data")
      const server = yield* startChoir(["serve"], { CHOIR_DATA: data, CHOIR_PORT: "0" })
      const url = /http:\S+/.exec(yield* server.awaitPrinted(/http:\S+\n/))![0]
      assert.deepStrictEqual(yield* health(url), Option.some(200))
      const client = yield* connectSignedIn(socketUrl(url))
      assert.deepStrictEqual<unknown>(client.init.payload["user"], { public_key: client.user.key, balance: 10_000 })
      yield* server.signal("SIGTERM")
      assert.strictEqual(yield* server.ended, 0)
    })))

  it.live("[OPS3] serves although nobody reads what it prints", () =>
    Effect.scoped(Effect.gen(function*() {
      const port = yield* freePort
      const server = yield* startChoir(
        ["serve"],
        { CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: String(port), CHOIR_LOG_LEVEL: "Trace" },
        { reader: false }
      )
      const url = `http://127.0.0.1:${port}`
      yield* Effect.repeat(health(url), { until: Option.isSome, schedule: Schedule.spaced("50 millis") })
      yield* connectSignedIn(socketUrl(url))
      yield* server.signal("SIGTERM")
      assert.strictEqual(yield* server.ended, 0)
    })))
})

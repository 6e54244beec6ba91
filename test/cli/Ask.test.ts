import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { spawn } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { validateContent } from "../../src/domain/topic/MessageContent.ts"
import { runChoir } from "../support/CliProcess.ts"
import { repositoryRoot, temporaryFolder } from "../support/ServerProcess.ts"
import { connectUser, startCliServer } from "./CliServer.ts"

/** A reserved port without a listener. */
const unusedPort = "2"

describe("choir ask", () => {
  it.live("without a server exits with 1 and one sentence; the key file is readable by its owner only", () =>
    Effect.scoped(Effect.gen(function*() {
      const file = join(yield* temporaryFolder, "deep", "key")
      const env = { CHOIR_PORT: unusedPort, CHOIR_KEY_FILE: file }
      const { code, stderr, stdout } = yield* runChoir(["ask", "Why?"], env)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.strictEqual(
        stderr,
        `No Choir server answers at http://127.0.0.1:${env.CHOIR_PORT}. `
          + "Start one with \"npm start\", or set CHOIR_URL to its address.\n"
      )
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      const secret = readFileSync(file, "utf8")
      yield* runChoir(["ask", "Why?"], env)
      assert.strictEqual(readFileSync(file, "utf8"), secret)
    })))

  it.live("rejects an invalid question before it connects", () =>
    Effect.gen(function*() {
      for (const question of ["", "?".repeat(32_769)]) {
        const { code, stderr, stdout } = yield* runChoir(["ask", question])
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.strictEqual(stderr, `The question is invalid: ${validateContent(question)}.\n`)
      }
    }))

  it.live("exits with 1 and the server's reason for a thread that cannot be read", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env } = yield* startCliServer
      const { code, stderr } = yield* runChoir(["ask", "Why?", "--thread", "nothing-here"], env)
      assert.strictEqual(code, 1)
      assert.match(stderr, /^thread:nothing-here: .*[^.]\.\n$/)
    })))

  it.live("takes its question in several words, or from standard input", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home, url } = yield* startCliServer
      yield* runChoir(["ask", "How", "hot?"], env)
      yield* runChoir(["ask"], env, "Is it\nhot?\n")
      const me = yield* connectUser(url, home, "key")
      const thread = me.topic(threadKind, (yield* me.threads()).threads[0]!.thread_id)
      const view = yield* Stream.runHead(Stream.filter(thread.views, ({ confirmed }) => confirmed.runs.length === 2))
      assert.deepStrictEqual(
        Option.getOrThrow(view).confirmed.runs.map(({ prompt }) => prompt.text),
        ["How hot?", "Is it\nhot?"]
      )
    })))

  it.live("exits quietly with 0 when the reader closes the pipe", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env } = yield* startCliServer
      const ended = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
        const child = spawn(process.execPath, ["src/cli/main.ts", "ask", "Why?"], { cwd: repositoryRoot, env })
        let stderr = ""
        child.stderr.on("data", (chunk: Buffer) => {
          stderr += chunk.toString()
        })
        child.stdout.destroy()
        child.once("close", (code) => resume(Effect.succeed({ code, stderr })))
      })
      assert.deepStrictEqual(ended, { code: 0, stderr: "" })
    })))
})

/** The command line as a process: what it says and how it ends when there is nobody to talk to. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { runChoir } from "../support/CliProcess.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

/** A port that nobody listens on, and that the system gives to nobody. */
const unusedPort = "2"

describe("choir", () => {
  it.live("ask without a server is one sentence and exit code 1, and the key is its owner's alone", () =>
    Effect.scoped(Effect.gen(function*() {
      const file = join(yield* temporaryFolder, "deep", "key")
      const env = { CHOIR_PORT: unusedPort, CHOIR_KEY_FILE: file }
      const { code, stderr, stdout } = yield* runChoir(["ask", "Why?"], env)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.strictEqual(
        stderr,
        `No Choir server answers at http://127.0.0.1:${env.CHOIR_PORT}. `
          + "Start one with \"npm start\", or say where it is in CHOIR_URL.\n"
      )
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      const secret = readFileSync(file, "utf8")
      yield* runChoir(["ask", "Why?"], env)
      assert.strictEqual(readFileSync(file, "utf8"), secret)
    })))

  it.live("a question that cannot be asked is one sentence, before a server is looked for", () =>
    Effect.gen(function*() {
      for (const [question, fault] of [["", "the text is empty"], ["?".repeat(32_769), "32769 bytes"]] as const) {
        const { code, stderr, stdout } = yield* runChoir(["ask", question])
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, /^The question cannot be asked: .+\.\n$/)
        assert.include(stderr, fault)
      }
    }))

  it.live("every command explains itself", () =>
    Effect.gen(function*() {
      for (const command of ["serve", "ask", "chat", "import"]) {
        const { code, stdout } = yield* runChoir([command, "--help"])
        assert.strictEqual(code, 0)
        assert.include(stdout, `choir ${command}`)
      }
    }))

  it.live("a wrong address or a wrong use is said, and nothing is tried", () =>
    Effect.scoped(Effect.gen(function*() {
      const wrong = yield* runChoir(["ask", "x"], {
        CHOIR_URL: "nowhere",
        CHOIR_KEY_FILE: join(yield* temporaryFolder, "key")
      })
      assert.deepStrictEqual(wrong, {
        code: 1,
        stdout: "",
        stderr: "CHOIR_URL is nowhere; it must be an http:// or https:// address.\n"
      })
      assert.strictEqual((yield* runChoir(["ask"])).code, 1)
      assert.strictEqual((yield* runChoir(["import", "/no/such/folder"])).code, 1)
    })))
})

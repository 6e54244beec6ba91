import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { runChoir } from "../support/CliProcess.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

describe("choir", () => {
  it.live("prints the help of each command", () =>
    Effect.gen(function*() {
      for (const command of ["serve", "ask", "chat", "import"]) {
        const { code, stdout } = yield* runChoir([command, "--help"])
        assert.strictEqual(code, 0)
        assert.include(stdout, `choir ${command}`)
      }
    }))

  it.live("exits with 1 after a malformed CHOIR_URL, missing argument or missing folder", () =>
    Effect.scoped(Effect.gen(function*() {
      const malformed = yield* runChoir(["ask", "x"], {
        CHOIR_URL: "nowhere",
        CHOIR_KEY_FILE: join(yield* temporaryFolder, "key")
      })
      assert.deepStrictEqual(malformed, {
        code: 1,
        stdout: "",
        stderr: "CHOIR_URL is \"nowhere\"; it must be an http:// or https:// URL.\n"
      })
      assert.strictEqual((yield* runChoir(["ask"])).code, 1)
      assert.strictEqual((yield* runChoir(["import", "/no/such/folder"])).code, 1)
    })))
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import manifest from "../../package.json" with { type: "json" }
import { runChoir } from "../support/CliProcess.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

describe("choir", () => {
  it.live("prints the help of all commands and their settings", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* runChoir(["--help"])
      assert.strictEqual(code, 0)
      const commands = ["serve", "ask", "chat", "import", "key", "invite", "vote", "leave", "close"]
      for (const command of commands) assert.match(stdout, new RegExp(`^ {2}${command} `, "m"))
      for (const setting of ["CHOIR_URL", "CHOIR_KEY_FILE"]) assert.include(stdout, setting)
      for (const line of stdout.split("\nSUBCOMMANDS\n")[1]!.split("\n")) assert.isAtMost(line.length, 120)
    }))

  it.live("prints the version of the package, alone or with flags", () =>
    Effect.gen(function*() {
      for (const args of [["--version"], ["-v"], ["--version", "--log-level=none"]]) {
        assert.deepStrictEqual(yield* runChoir(args), { code: 0, stdout: `choir v${manifest.version}\n`, stderr: "" })
      }
    }))

  it.live("after wrong use says what is wrong, and where to read on", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* runChoir(["key", "a\u001b[2J"]), {
        code: 1,
        stdout: "",
        stderr: "Unexpected positional argument: \"a\\u001b[2J\"\nSee choir key --help.\n"
      })
      assert.include((yield* runChoir(["serve", "--port=80"])).stderr, "See choir serve --help.")
    }))

  it.live("exits with 1 after a malformed CHOIR_URL, and where no key file can be", () =>
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
      assert.deepStrictEqual(yield* runChoir(["key"], { CHOIR_KEY_FILE: "/proc/nope/key" }), {
        code: 1,
        stdout: "",
        stderr: "The key file /proc/nope/key cannot be written.\n"
      })
    })))
})

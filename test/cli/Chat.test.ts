import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { commandId } from "../../src/client/Client.ts"
import { runChoir, startChoir, terminalUnavailable } from "../support/CliProcess.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { connectUser, findThreadId, startCliServer, threadOf } from "./CliServer.ts"

describe("choir chat", () => {
  it.live("[OPS6] a pipe receives the answers to its questions, always in the same private thread", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env } = yield* startCliServer
      const first = yield* runChoir(["chat"], env, "The tea is hot.\n/ask How hot is it?\n/ask And now?\n")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.isDefined(findThreadId(first.stdout))
      assert.lengthOf(first.stdout.match(/^Yield$/gm) ?? [], 2)
      const twice = yield* runChoir(["chat", "a", "--thread", "b"], env)
      assert.deepStrictEqual(twice, {
        code: 1,
        stdout: "",
        stderr: "Name one thread: as the argument, or by --thread.\n"
      })
      const second = yield* runChoir(["chat"], env, "/quit\n")
      assert.strictEqual(findThreadId(second.stdout), findThreadId(first.stdout))
      assert.match(second.stdout, /^you The tea is hot\.$/m)
    })))

  it.live("[TOP10] lists what its user wrote, and erases what they name", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home, url } = yield* startCliServer
      const ada = yield* connectUser(url, home, "key")
      const [id, message] = [commandId(), commandId()]
      const thread = threadOf(ada, id)
      yield* thread.send({ _tag: "create_thread", name: "Drinks" }, id)
      yield* thread.send({ _tag: "submit_message", content: "The tea is hot." }, message)
      const name = message.slice(0, 8)
      const lines = `/erase\n/erase ${name} It was cold.\n/erase no-such-id\n`
      const { code, stdout } = yield* runChoir(["chat", thread.id], env, lines)
      assert.strictEqual(code, 0)
      assert.include(stdout, `\n  ${name} The tea is hot.\n`)
      assert.include(stdout, "with the id no-such-id")
      const { messages } = yield* ada.messages(thread.id)
      assert.deepStrictEqual(messages.map(({ content }) => content), [null])
    })))
})

Prerequisite.describeWith(Prerequisite.terminal(terminalUnavailable()), "choir chat at a terminal", () => {
  it.live("keeps the line that is typed below what arrives, and votes on it", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home, url } = yield* startCliServer
      const ada = yield* connectUser(url, home, "key")
      const ben = yield* connectUser(url, home, "ben")
      const id = commandId()
      const thread = threadOf(ada, id)
      yield* thread.send({ _tag: "create_thread", name: "Tea" }, id)
      const chat = yield* startChoir(["chat", "--thread", thread.id], env, { terminal: true })
      yield* chat.awaitPrinted("> ")
      yield* chat.type("half a line")
      yield* chat.awaitPrinted("half a line")
      yield* threadOf(ben, id).send({ _tag: "submit_message", content: "Try\u001b[2J this.\nada… forged" })
      // Printed above, and the prompt with the typed text drawn again below it.
      const printed = yield* chat.awaitPrinted(/forged\r?\n[^\n]*> half a line[^\n]*$/)
      assert.include(printed, "Try␛[2J this.")
      assert.match(printed, /\n {2}ada… forged/)
      yield* chat.type(" more\r/approve\r")
      yield* chat.awaitPrinted("joins as a co-author.")
      assert.lengthOf(chat.printed().match(/Try/g) ?? [], 1)
      yield* chat.type("/quit\r")
      assert.strictEqual(yield* chat.ended, 0)
      const { messages } = yield* ada.messages(thread.id)
      assert.sameMembers(messages.map(({ content }) => content), [
        "half a line more",
        "Try\u001b[2J this.\nada… forged"
      ])
    })))
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { commandId } from "../../src/client/Client.ts"
import { runChoir } from "../support/CliProcess.ts"
import { connectUser, startCliServer, threadOf } from "./CliServer.ts"

/** A members-only thread of two, and `choir` as either of them. */
const startThread = Effect.gen(function*() {
  const { env, home, url } = yield* startCliServer
  const ada = yield* connectUser(url, home, "key")
  const ben = yield* connectUser(url, home, "ben")
  const id = commandId()
  const thread = threadOf(ada, id)
  yield* thread.send({ _tag: "create_thread", name: "Tea", visibility: "members" }, id)
  yield* thread.send({ _tag: "invite_co_author", user: ben.me })
  const coAuthors = Effect.map(ada.threads(), ({ threads }) => threads[0]?.co_authors)
  const choir = (args: ReadonlyArray<string>, file = "key") =>
    Effect.map(
      runChoir([...args, "--thread", thread.id], { ...env, CHOIR_KEY_FILE: join(home, file) }),
      ({ code, stderr, stdout }) => ({ code, text: stdout + stderr })
    )
  return { ada, ben, home, url, thread, coAuthors, choir }
})

describe("the co-authors of a thread from the terminal", () => {
  it.live("[THR7] [THR9] one invites, the other sees the vote and approves", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ada, ben, choir, coAuthors, home, url } = yield* startThread
      const { me: eve } = yield* connectUser(url, home, "eve")
      assert.deepStrictEqual(yield* choir(["invite", eve]), {
        code: 0,
        text: `Invited ${eve}. The other co-authors (1) must approve.\n`
      })
      const { text } = yield* choir(["vote"], "ben")
      assert.strictEqual(text, `${text.slice(0, 8)} (waits for you) ${ada.me} invites ${eve}\n`)
      assert.include((yield* choir(["vote", text.slice(0, 8), "approve"], "ben")).text, "You voted to approve")
      assert.deepStrictEqual(yield* coAuthors, [ada.me, ben.me, eve])
    })))

  it.live("[THR7] one leaves, and the last one closes the thread", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ada, choir, coAuthors, thread } = yield* startThread
      assert.deepStrictEqual(yield* choir(["leave"], "ben"), { code: 0, text: `You have left ${thread.id}.\n` })
      assert.deepStrictEqual(yield* coAuthors, [ada.me])
      assert.deepStrictEqual(yield* choir(["close"]), { code: 0, text: `${thread.id} is closed. It stays readable.\n` })
      assert.strictEqual((yield* ada.threads()).threads[0]?.status, "closed")
    })))

  it.live("[THR3] a submission is denied by the beginning of its id, and a rejection is the server's sentence", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ada, ben, home, url } = yield* startThread
      const id = commandId()
      const thread = threadOf(ada, id)
      yield* thread.send({ _tag: "create_thread", name: "Open" }, id)
      const submission = commandId()
      yield* threadOf(ben, id).send({ _tag: "submit_message", content: "Try this." }, submission)
      const env = { CHOIR_URL: url, CHOIR_KEY_FILE: join(home, "key") }
      const vote = ["vote", submission.slice(0, 6), "deny", "--thread", thread.id]
      const stranger = yield* runChoir(vote, { ...env, CHOIR_KEY_FILE: join(home, "ben") })
      assert.deepStrictEqual([stranger.code, stranger.stdout], [1, ""])
      assert.match(stranger.stderr, /^[^\n]+\n$/)
      assert.include((yield* runChoir(vote, env)).stdout, "You voted to deny")
    })))

  it.live("know each other by the public key that choir key prints", () =>
    Effect.scoped(Effect.gen(function*() {
      const { home, url } = yield* startCliServer
      const { me } = yield* connectUser(url, home, "key")
      assert.strictEqual((yield* runChoir(["key"], { CHOIR_KEY_FILE: join(home, "key") })).stdout, `${me}\n`)
    })))
})

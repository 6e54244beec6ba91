/** Who is there: keys, sessions, and what is whose. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { open, person, uuid } from "../../support/People.ts"
import { ask, guest, inRoom, position, Stage } from "../../support/Stage.ts"
import * as TheStage from "../../support/Stage.ts"
import { code, each } from "./Shorthand.ts"

export const identity = (it: Vitest.MethodsNonLive<Stage>) => {
  it.effect("[AUT4] nothing is served to a stranger", () =>
    Effect.gen(function*() {
      const stranger = yield* open((yield* Stage).url)
      for (
        const [type, payload, thread] of [
          ["create_thread", { name: "Mine" }, undefined],
          ["send_message", { content: 1 }, "room:order"],
          ["subscribe", {}, "room:order"],
          ["get_threads", {}, undefined],
          ["get_user", {}, undefined],
          ["renew", {}, undefined],
          ["signal", { key: "k", value: 1 }, "room:order"]
        ] as const
      ) {
        assert.strictEqual(code(yield* ask(stranger, type, payload, thread)), "unauthenticated", type)
      }
      assert.strictEqual((yield* ask(stranger, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[AUT4][SEC8] nobody speaks in another's name", () =>
    Effect.gen(function*() {
      const topic = "room:names"
      const one = yield* inRoom(topic)
      const other = person().key
      for (const field of ["author", "by", "user", "user_id"]) {
        const answer = yield* ask(one, "send_message", { content: 1, [field]: other }, topic)
        assert.strictEqual(code(answer), "malformed", field)
      }
      assert.strictEqual(position(yield* ask(one, "subscribe", {}, topic)).seq, 1)
    }))

  it.effect("[THR10][AUT4] a thread for members only is to others as if it did not exist", () =>
    Effect.gen(function*() {
      const [owner, stranger] = [yield* guest(), yield* guest()]
      const created = yield* ask(owner, "create_thread", { name: "Ours", visibility: "members" })
      const real = String(created.payload["topic"])
      const nowhere = `thread:${uuid()}`
      for (
        const [type, payload] of [
          ["subscribe", {}],
          ["get_thread", {}],
          ["submit_message", { content: "x" }],
          ["submit_prompt", { prompt: "x" }],
          ["close_thread", {}],
          ["cancel_run", { prompt_id: uuid() }],
          ["process_approval", { message_id: uuid(), decision: "approve" }]
        ] as const
      ) {
        const [here, there] = [yield* ask(stranger, type, payload, real), yield* ask(stranger, type, payload, nowhere)]
        assert.strictEqual(code(here), "not_found", type)
        assert.deepStrictEqual({ ...here.payload, ref_id: "" }, { ...there.payload, ref_id: "" }, type)
      }
      const threads = (yield* ask(stranger, "get_threads", { public: true })).payload["threads"]
      assert.notInclude(JSON.stringify(threads), real)
      assert.include(JSON.stringify((yield* ask(owner, "get_threads")).payload), real)
    }))

  it.effect("[AUT2] a session is resumed, renewed and ended by its token", () =>
    Effect.gen(function*() {
      const { url } = yield* Stage
      const resume = (session_token: unknown) =>
        Effect.gen(function*() {
          const client = yield* open(url)
          client.send("resume", { session_token })
          return { client, answer: yield* client.next }
        })
      const first = yield* guest()
      first.ws.terminate()
      const { answer, client } = yield* resume(first.init.payload["session_token"])
      assert.deepInclude(answer.payload["user"] as object, { public_key: first.who.key })
      const renewed = (yield* ask(client, "renew")).payload["session_token"]
      const second = yield* resume(renewed)
      assert.strictEqual(second.answer.type, "init")
      assert.strictEqual((yield* ask(second.client, "sign_out")).type, "signed_out")
      assert.strictEqual(code(yield* ask(second.client, "get_user")), "unauthenticated")
      assert.strictEqual(code((yield* resume(renewed)).answer), "auth_failed")
    }))

  it.effect("[AUT7] a client instance that connects again takes over, and the old connection is told so", () =>
    Effect.gen(function*() {
      const [who, instance] = [person(), uuid()]
      const old = yield* guest(who, instance)
      const now = yield* guest(who, instance)
      assert.deepInclude((yield* old.nextOf("goodbye")).payload, { code: closeCode.replaced, resume: false })
      assert.strictEqual(yield* old.closed, closeCode.replaced)
      assert.strictEqual((yield* ask(now, "get_user")).type, "user")
    }))

  it.effect("[AUT3][CON3] who does not sign in is closed with 4408, who does not answer pings with 4012", () =>
    Effect.gen(function*() {
      const stranger = yield* open((yield* Stage).url)
      const deaf = yield* open((yield* Stage).url, { autoPong: false })
      const silent = Effect.gen(function*() {
        yield* TheStage.entered(deaf)
        return yield* deaf.closed
      })
      assert.deepStrictEqual(yield* Effect.all([stranger.closed, silent], each), [
        closeCode.authTimeout,
        closeCode.noPong
      ])
    }))
}

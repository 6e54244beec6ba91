/** Scenarios of authentication, sessions and access. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { connectInRoom, connectSignedIn, E2eServer, positionOf } from "../../support/E2eServerFixture.ts"
import { makeTestUser, openClient, request, signIn, uuid } from "../../support/TestUsers.ts"
import { errorCode, unbounded } from "./Helpers.ts"

/** Registers the scenarios. */
export const authAndAccess = (it: Vitest.MethodsNonLive<E2eServer>) => {
  access(it)
  sessions(it)
}

const access = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[AUT4] an unauthenticated connection is served nothing but heartbeats", () =>
    Effect.gen(function*() {
      const unauthenticated = yield* openClient((yield* E2eServer).url)
      for (
        const [type, payload, thread] of [
          ["create_thread", { name: "Mine" }, undefined],
          ["send_message", { content: 1 }, "room:order"],
          ["subscribe", {}, "room:order"],
          ["get_threads", {}, undefined],
          ["get_user", {}, undefined],
          ["renew", { session_token: "none" }, undefined],
          ["signal", { key: "k", value: 1 }, "room:order"]
        ] as const
      ) {
        assert.strictEqual(errorCode(yield* request(unauthenticated, type, payload, thread)), "unauthenticated", type)
      }
      assert.strictEqual((yield* request(unauthenticated, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[AUT4][SEC8] a command cannot name another author", () =>
    Effect.gen(function*() {
      const topic = "room:names"
      const client = yield* connectInRoom(topic)
      const otherKey = makeTestUser().key
      for (const field of ["author", "by", "user", "user_id"]) {
        const answer = yield* request(client, "send_message", { content: 1, [field]: otherKey }, topic)
        assert.strictEqual(errorCode(answer), "malformed", field)
      }
      assert.strictEqual(positionOf(yield* request(client, "subscribe", {}, topic)).seq, 1)
    }))

  it.effect("[THR10][AUT4] a members-only thread is indistinguishable from an absent one to other users", () =>
    Effect.gen(function*() {
      const [owner, outsider] = [yield* connectSignedIn(), yield* connectSignedIn()]
      const created = yield* request(owner, "create_thread", { name: "Ours", visibility: "members" })
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
        const [here, there] = [
          yield* request(outsider, type, payload, real),
          yield* request(outsider, type, payload, nowhere)
        ]
        assert.strictEqual(errorCode(here), "not_found", type)
        assert.deepStrictEqual({ ...here.payload, ref_id: "" }, { ...there.payload, ref_id: "" }, type)
      }
      const threads = (yield* request(outsider, "get_threads", { public: true })).payload["threads"]
      assert.notInclude(JSON.stringify(threads), real)
      assert.include(JSON.stringify((yield* request(owner, "get_threads")).payload), real)
    }))
}

const sessions = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[AUT2] a session is resumed, renewed and ended by its token", () =>
    Effect.gen(function*() {
      const { url } = yield* E2eServer
      const resume = (session_token: unknown) =>
        Effect.gen(function*() {
          const client = yield* openClient(url)
          client.send("resume", { session_token })
          return { client, answer: yield* client.next }
        })
      const first = yield* connectSignedIn()
      first.ws.terminate()
      const { answer, client } = yield* resume(first.init.payload["session_token"])
      assert.deepInclude(answer.payload["user"] as object, { public_key: first.user.key })
      const renewed = (yield* request(client, "renew", { session_token: answer.payload["session_token"] }))
        .payload["session_token"]
      const second = yield* resume(renewed)
      assert.strictEqual(second.answer.type, "init")
      assert.strictEqual((yield* request(second.client, "sign_out")).type, "signed_out")
      assert.strictEqual(errorCode(yield* request(second.client, "get_user")), "unauthenticated")
      assert.strictEqual(errorCode((yield* resume(renewed)).answer), "auth_failed")
    }))

  it.effect("[AUT7] a client instance that reconnects replaces its old connection, which gets goodbye", () =>
    Effect.gen(function*() {
      const [user, instance] = [makeTestUser(), uuid()]
      const old = yield* connectSignedIn(user, instance)
      const now = yield* connectSignedIn(user, instance)
      assert.deepInclude((yield* old.nextOf("goodbye")).payload, { code: closeCode.replaced, resume: false })
      assert.strictEqual(yield* old.closed, closeCode.replaced)
      assert.strictEqual((yield* request(now, "get_user")).type, "user")
    }))

  it.effect("[AUT3][CON3] a connection without authentication is closed with 4408, one without pongs with 4012", () =>
    Effect.gen(function*() {
      const unauthenticated = yield* openClient((yield* E2eServer).url)
      const unresponsive = yield* openClient((yield* E2eServer).url, { autoPong: false })
      const silent = Effect.gen(function*() {
        yield* signIn(unresponsive, makeTestUser())
        return yield* unresponsive.closed
      })
      assert.deepStrictEqual(yield* Effect.all([unauthenticated.closed, silent], unbounded), [
        closeCode.authTimeout,
        closeCode.noPong
      ])
    }))
}

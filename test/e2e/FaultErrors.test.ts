/** The errors that clients receive when the disk or a kind's code fails reveal nothing (SEC22). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, References } from "effect"
import { ErrorCode, makeRejection } from "../../src/domain/protocol/Rejection.ts"
import { type AnyKind, reject } from "../../src/domain/topic/Topic.ts"
import * as CounterKind from "../support/CounterKind.ts"
import { checkErrorLeaks } from "../support/ErrorLeakChecks.ts"
import { socketUrl, startInProcessServer } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { unlimitedBudgets } from "../support/RoomClients.ts"
import { startServer } from "../support/ServerProcess.ts"
import * as SmallDisk from "../support/SmallDisk.ts"
import {
  answerChallenge,
  connectSignedIn,
  makeTestUser,
  openClient,
  type ReceivedMessage,
  request,
  uuid
} from "../support/TestUsers.ts"

/** Throws an error whose message must not reach a client. */
const throwDefect = (): never => {
  throw new TypeError(`canary: cannot read properties of undefined at decide (${import.meta.filename}:1:1)`)
}

const counterKind: AnyKind = CounterKind.kind

/** Kinds of which each throws in another function. */
const dyingKinds: ReadonlyArray<AnyKind> = [
  { ...counterKind, name: "initial", initial: throwDefect },
  { ...counterKind, name: "decide", decide: throwDefect },
  { ...counterKind, name: "evolve", evolve: throwDefect },
  { ...counterKind, name: "pending", pending: throwDefect },
  { ...counterKind, name: "wake", nextWake: throwDefect },
  { ...counterKind, name: "reader", canRead: throwDefect },
  { ...counterKind, name: "listing", listing: throwDefect }
]

/** Rejects with the error code whose index is the end of the command's id. */
const rejectingKind: AnyKind = {
  ...counterKind,
  name: "refusing",
  decide: (_state, _input, { id }) => reject(makeRejection(ErrorCode.literals[Number(id.slice(-2))]!, "TOP8", "no"))
}

Prerequisite.describeWith(Prerequisite.mounting(SmallDisk.canMount()), "errors of a full disk", () => {
  it.live(
    "[SEC22][FLT3] reveal no file",
    () =>
      Effect.gen(function*() {
        const data = yield* SmallDisk.makeSmallDisk("8m")
        const { url } = yield* startServer({ data, main: "src/main.ts", env: unlimitedBudgets })
        const client = yield* connectSignedIn(socketUrl(url))
        const threadId = uuid()
        assert.strictEqual(
          (yield* request(client, "create_thread", { name: "Mine" }, undefined, { id: threadId })).type,
          "receipt"
        )
        assert.strictEqual((yield* request(client, "join_room", {}, "room:full")).type, "receipt")
        const freeDisk = yield* SmallDisk.fillDisk(data)
        const long = "x".repeat(8_000)
        // Pages already allocated still have room.
        const received = [
          yield* Effect.repeat(request(client, "send_message", { content: long }, "room:full"), {
            until: ({ type }) => type === "error"
          }),
          yield* request(client, "create_thread", { name: "Another" }),
          yield* request(client, "submit_message", { content: long }, `thread:${threadId}`),
          yield* request(client, "submit_prompt", { prompt: long }, `thread:${threadId}`),
          yield* request(client, "join_room", {}, "room:other"),
          (yield* answerChallenge(yield* openClient(socketUrl(url)), makeTestUser())).answer
        ]
        assert.isTrue(received.every(({ type }) => type === "error"))
        assert.deepStrictEqual(checkErrorLeaks(received), new Set(["unavailable"]))
        yield* freeDisk
      })
  )
})

describe("errors", () => {
  it.live("[SEC22][FLT25] of a kind that throws reveal neither place nor cause", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn(
        socketUrl(yield* startInProcessServer({}, { kinds: [...dyingKinds, counterKind] }))
      )
      const received: Array<ReceivedMessage> = []
      for (const { name } of dyingKinds) {
        for (const type of ["subscribe", "nothing", "die_deriving", "unsubscribe"]) {
          received.push(yield* request(client, type, {}, `${name}:x`))
        }
      }
      // A kind whose canRead throws grants no access.
      assert.deepStrictEqual(checkErrorLeaks(received), new Set(["internal", "not_found"]))
      assert.strictEqual((yield* request(client, "add", { n: 1 }, "counter:x")).type, "receipt")
    }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))

  it.live("[SEC22][TOP8] of a third-party kind may have any documented code", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn(socketUrl(yield* startInProcessServer({}, { kinds: [rejectingKind] })))
      for (const [n, code] of ErrorCode.literals.entries()) {
        const id = uuid().slice(0, -2) + String(n).padStart(2, "0")
        const { payload } = yield* request(client, "nothing", {}, "refusing:x", { id })
        assert.deepInclude(payload, { code, message: "no", rule: "TOP8" })
      }
    }).pipe(Effect.scoped))
})

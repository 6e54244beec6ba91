/** The order and the bound of the server's stop, seen from its last step: when the socket engine stops (SYN11). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type * as App from "../../../src/layers/app/App.ts"
import * as SocketFromConfig from "../../../src/layers/socket/SocketFromConfig.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { startInProcessServer } from "../../support/InProcessServer.ts"

/** The default engine, with another way to stop. */
const stoppingBy = (stop: (socket: Socket["Service"]) => Effect.Effect<void>): App.Extensions => ({
  socketEngine: (options) =>
    Layer.effect(Socket, Effect.map(Socket, (socket) => ({ ...socket, stop: stop(socket) }))).pipe(
      Layer.provide(SocketFromConfig.layer("ws", options))
    )
})

describe("a server that stops", () => {
  it.live("[SYN11] [FLT24] is not ready while it stops, and refuses connections afterwards", () =>
    Effect.gen(function*() {
      let url = ""
      const statuses: Array<number> = []
      const readStatus = Effect.map(
        Effect.promise(() => fetch(`${url}/health/ready`)),
        ({ status }) => statuses.push(status)
      )
      yield* Effect.scoped(Effect.gen(function*() {
        url = yield* startInProcessServer({}, stoppingBy((socket) => Effect.andThen(readStatus, socket.stop)))
        yield* readStatus
      }))
      assert.deepStrictEqual(statuses, [200, 503])
      yield* Effect.flip(Effect.tryPromise(() => fetch(url)))
    }))

  it.live("[SYN11] does so after the cap, although an engine never stops", () =>
    Effect.gen(function*() {
      const url = yield* Effect.scoped(startInProcessServer({ CHOIR_DRAIN_CAP: "50" }, stoppingBy(() => Effect.never)))
      yield* Effect.flip(Effect.tryPromise(() => fetch(url)))
    }))
})

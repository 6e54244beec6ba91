/** The engines of this package under the conformance suite (SOC4). */
import { Effect, Layer } from "effect"
import { webSocketClients } from "../../../src/conformance/SocketConformance.ts"
import type { Limits } from "../../../src/domain/protocol/Limits.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import * as SocketMemory from "../../../src/layers/socket/memory/SocketMemory.ts"
import * as SocketIo from "../../../src/layers/socket/socketio/SocketIo.ts"
import * as SocketUws from "../../../src/layers/socket/uws/SocketUws.ts"
import * as SocketWs from "../../../src/layers/socket/ws/SocketWs.ts"
import { conformanceSuite } from "../../contract/Socket.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import * as SocketClients from "../../support/SocketClients.ts"
import { engineOptions } from "../../support/TestUsers.ts"
import { uwsFake } from "../../support/UwsFake.ts"

const options = (limits: Limits): SocketWs.NetworkEngineOptions => ({ ...engineOptions, limits })

const ws = (limits: Limits) => SocketWs.layer(options(limits)).pipe(Layer.provide(HttpListener.layer))
const socketIo = (limits: Limits) => SocketIo.layer(options(limits)).pipe(Layer.provide(HttpListener.layer))

conformanceSuite({ name: "ws", engine: ws, ...webSocketClients("/ws") })
conformanceSuite({ name: "Socket.IO", engine: socketIo, ...SocketClients.socketIoClients(["websocket"]) })
conformanceSuite({ name: "Socket.IO by polling only", engine: socketIo, ...SocketClients.socketIoClients(["polling"]) })
conformanceSuite({
  name: "Socket.IO by polling first",
  engine: socketIo,
  ...SocketClients.socketIoClients(["polling", "websocket"])
})
conformanceSuite({ name: "plain WebSockets beside Socket.IO", engine: socketIo, ...webSocketClients("/ws") })
conformanceSuite({ name: "in-memory", engine: SocketMemory.layer, ...SocketClients.memoryClients })
conformanceSuite({
  name: "uWebSockets.js (a fake)",
  engine: (limits) => SocketUws.layer(options(limits), Effect.succeed(uwsFake)).pipe(Layer.provide(HttpListener.layer)),
  ...webSocketClients("/ws")
})

const missing = await Effect.runPromise(
  Effect.match(SocketUws.loadUws, { onFailure: ({ message }) => message, onSuccess: () => undefined })
)
Prerequisite.describeWith(Prerequisite.uws(missing), "the real uWebSockets.js", () =>
  conformanceSuite({
    name: "uWebSockets.js",
    engine: (limits) => SocketUws.layer(options(limits)).pipe(Layer.provide(HttpListener.layer)),
    ...webSocketClients("/ws")
  }))

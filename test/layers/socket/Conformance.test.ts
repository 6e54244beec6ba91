/** The engines of this package under the conformance suite (SOC4). */
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { webSocket } from "../../../src/conformance/Socket.ts"
import type { Limits } from "../../../src/domain/Limits.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Memory from "../../../src/layers/socket/Memory.ts"
import * as SocketIo from "../../../src/layers/socket/SocketIo.ts"
import * as Uws from "../../../src/layers/socket/Uws.ts"
import * as Ws from "../../../src/layers/socket/Ws.ts"
import { suite } from "../../contract/Socket.ts"
import * as Clients from "../../support/SocketClients.ts"
import { uws } from "../../support/UwsDouble.ts"

const options = (limits: Limits): Ws.Options => ({
  host: "127.0.0.1",
  port: 0,
  limits,
  admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
})

const ws = (limits: Limits) => Ws.layer(options(limits)).pipe(Layer.provide(Server.layer))
const socketIo = (limits: Limits) => SocketIo.layer(options(limits)).pipe(Layer.provide(Server.layer))

suite({ name: "ws", engine: ws, ...webSocket("/ws") })
suite({ name: "Socket.IO", engine: socketIo, ...Clients.socketIo(["websocket"]) })
suite({ name: "Socket.IO by polling only", engine: socketIo, ...Clients.socketIo(["polling"]) })
suite({ name: "Socket.IO by polling first", engine: socketIo, ...Clients.socketIo(["polling", "websocket"]) })
suite({ name: "plain WebSockets beside Socket.IO", engine: socketIo, ...webSocket("/ws") })
suite({ name: "in-memory", engine: Memory.layer, ...Clients.memory })
suite({
  name: "uWebSockets.js (a double)",
  engine: (limits) => Uws.layer(options(limits), Effect.succeed(uws)).pipe(Layer.provide(Server.layer)),
  ...webSocket("/ws")
})

const installed = await Effect.runPromise(Effect.result(Uws.library))
if (installed._tag === "Success") {
  suite({
    name: "uWebSockets.js",
    engine: (limits) => Uws.layer(options(limits)).pipe(Layer.provide(Server.layer)),
    ...webSocket("/ws")
  })
} else {
  describe("uWebSockets.js: conformance", () => it.skip(`[SOC4] ${installed.failure.message}`, () => {}))
}

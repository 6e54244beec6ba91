/** The engines of this package under the conformance suite (SOC4). */
import { Layer } from "effect"
import { webSocket } from "../../../src/conformance/Socket.ts"
import type { Limits } from "../../../src/domain/Limits.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Memory from "../../../src/layers/socket/Memory.ts"
import * as SocketIo from "../../../src/layers/socket/SocketIo.ts"
import * as Ws from "../../../src/layers/socket/Ws.ts"
import { suite } from "../../contract/Socket.ts"
import * as Clients from "../../support/SocketClients.ts"

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
suite({ name: "Socket.IO by polling first", engine: socketIo, ...Clients.socketIo(["polling", "websocket"]) })
suite({ name: "in-memory", engine: Memory.layer, ...Clients.memory })

/** The `ws` engine on a port of its own, and whatever is heard there. */
import { Effect, Layer, Queue } from "effect"
import { defaults, type Limits } from "../../../src/domain/Limits.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Ws from "../../../src/layers/socket/Ws.ts"
import { type Connection, Socket } from "../../../src/services/Socket.ts"

export const engine = ({ admission, compression, limits }: {
  readonly limits?: Partial<Limits>
  readonly admission?: Partial<Ws.Options["admission"]>
  readonly compression?: boolean
} = {}) =>
  Ws.layer({
    host: "127.0.0.1",
    port: 0,
    compression,
    limits: { ...defaults, ...limits },
    admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [], ...admission }
  }).pipe(Layer.provideMerge(Server.layer))

/** Every new connection, what it says, and the code of its end. */
export const listen = Effect.gen(function*() {
  const socket = yield* Socket
  const connections = yield* Queue.unbounded<Connection>()
  const texts = yield* Queue.unbounded<string>()
  const ends = yield* Queue.unbounded<number>()
  yield* socket.onConnection((connection) => Queue.offerUnsafe(connections, connection))
  yield* socket.onDisconnection((_connection, code) => Queue.offerUnsafe(ends, code))
  yield* socket.registerMessageHandler("*", (_connection, text) => Queue.offerUnsafe(texts, text))
  return { connection: Queue.take(connections), text: Queue.take(texts), end: Queue.take(ends) }
})

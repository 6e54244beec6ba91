/** The `ws` engine on any free port, and its events. */
import { Effect, Layer, Queue } from "effect"
import { defaults, type Limits } from "../../../../src/domain/protocol/Limits.ts"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketWs from "../../../../src/layers/socket/ws/SocketWs.ts"
import { type Connection, Socket } from "../../../../src/services/Socket.ts"
import { engineOptions } from "../../../support/TestUsers.ts"

/** The engine with these settings on top of the defaults. */
export const wsEngine = ({ admission, compression, limits }: {
  readonly limits?: Partial<Limits>
  readonly admission?: Partial<SocketWs.NetworkEngineOptions["admission"]>
  readonly compression?: boolean
} = {}) =>
  SocketWs.layer({
    ...engineOptions,
    compression,
    limits: { ...defaults, ...limits },
    admission: { ...engineOptions.admission, ...admission }
  }).pipe(Layer.provideMerge(HttpListener.layer))

/** What the server writes to raw sockets from here on, in order. */
export const recordWrites = Effect.gen(function*() {
  const writes: Array<unknown> = []
  const server = yield* HttpListener.HttpListener
  server.prependListener("upgrade", (_request, socket) => {
    const write = socket.write.bind(socket)
    socket.write = (chunk: unknown) => {
      writes.push(chunk)
      return write(chunk)
    }
  })
  return writes
})

/** Records new connections, their texts, and their close codes. */
export const recordEvents = Effect.gen(function*() {
  const socket = yield* Socket
  const connections = yield* Queue.unbounded<Connection>()
  const texts = yield* Queue.unbounded<string>()
  const ends = yield* Queue.unbounded<number>()
  yield* socket.onConnection((connection) => Queue.offerUnsafe(connections, connection))
  yield* socket.onDisconnection((_connection, code) => Queue.offerUnsafe(ends, code))
  yield* socket.registerMessageHandler("*", (_connection, text) => Queue.offerUnsafe(texts, text))
  return { connection: Queue.take(connections), text: Queue.take(texts), end: Queue.take(ends) }
})

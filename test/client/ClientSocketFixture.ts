/** Clients of a scripted server over a real WebSocket. */
import { Effect, Option, type Scope, Stream } from "effect"
import { type WebSocket, WebSocketServer } from "ws"
import { Client, type ClientError, type ClientModel, Keys } from "../../src/client/index.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { messageContents } from "./ClientFixture.ts"
import { ScriptedServer, topic } from "./ScriptedServer.ts"

/** The scripted server behind a real port; `sockets` are the open ones. */
export const listen = (server: ScriptedServer) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly sockets: Set<WebSocket>; readonly close: () => void }>(
      (resume) => {
        const sockets = new Set<WebSocket>()
        const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/ws" })
        wss.on("connection", (socket) => {
          server.resetConnection()
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
          socket.on("message", (data: Buffer) => {
            server.now += 1
            server.handleMessage(JSON.parse(data.toString()) as ClientModel.OutgoingMessage)
            for (const frame of server.toClient.splice(0)) socket.send(JSON.stringify(frame))
          })
        })
        wss.on("listening", () => {
          const address = wss.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, sockets, close: () => wss.close() }))
        })
      }
    ),
    ({ close, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.terminate()
        close()
      })
  )

/** The confirmed messages of a view. */
export const confirmedPosts = (view: Client.View<RoomModel.State>): ReadonlyArray<unknown> =>
  messageContents(view.confirmed)

/** A connected client of a scripted server, in one room. */
export const connectClient: Effect.Effect<
  {
    readonly server: ScriptedServer
    readonly sockets: Set<WebSocket>
    readonly client: Client.Client
    readonly lobby: Client.Topic<RoomModel.State, RoomModel.CommandInput>
  },
  ClientError,
  Scope.Scope
> = Effect.gen(function*() {
  const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
  const server = new ScriptedServer(identity.publicKey)
  const { sockets, url } = yield* listen(server)
  const client = yield* Client.make({ url, identity, kinds: [roomKind], checkAudience: false })
  return { server, sockets, client, lobby: client.topic(roomKind, topic) }
})

/** The first view that matches. */
export const awaitView = (
  lobby: Client.Topic<RoomModel.State, RoomModel.CommandInput>,
  predicate: (view: Client.View<RoomModel.State>) => boolean
) => lobby.views.pipe(Stream.filter(predicate), Stream.runHead, Effect.map(Option.getOrThrow))

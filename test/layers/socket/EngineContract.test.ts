/** One conversation of two clients over every engine, and the choice of an engine by setting (SOC3). */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, type Scope, Stream } from "effect"
import { io } from "socket.io-client"
import { Client, Keys, SocketIoTransport } from "../../../src/client/index.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import type * as RoomModel from "../../../src/domain/room/RoomModel.ts"
import type { Plain } from "../../../src/domain/topic/SealedText.ts"
import * as App from "../../../src/layers/app/App.ts"
import * as Config from "../../../src/layers/config/Config.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import * as SocketMemory from "../../../src/layers/socket/memory/SocketMemory.ts"
import * as SocketIoEngine from "../../../src/layers/socket/socketio/SocketIo.ts"
import * as SocketUws from "../../../src/layers/socket/uws/SocketUws.ts"
import * as SocketWs from "../../../src/layers/socket/ws/SocketWs.ts"
import { Socket } from "../../../src/services/Socket.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { engineOptions as options, serverLayer } from "../../support/TestUsers.ts"
import { uwsFake } from "../../support/UwsFake.ts"

type Lobby = Client.Topic<Plain<RoomModel.State>, RoomModel.CommandInput>
type Connect = NonNullable<Client.Options["connect"]>

const overSocketIo: Connect = SocketIoTransport.connect((url, options) => io(url, options))

const untilView = (lobby: Lobby, predicate: (view: Client.View<Plain<RoomModel.State>>) => boolean) =>
  lobby.views.pipe(Stream.filter(predicate), Stream.runHead, Effect.map(Option.getOrThrow))

const join = Effect.fnUntraced(function*(topic: TopicId, url: string, connect: Connect | undefined) {
  const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
  const client = yield* Client.make({
    url,
    identity,
    kinds: [roomKind],
    checkAudience: false,
    ...(connect === undefined ? {} : { connect })
  })
  const lobby = Client.plainTopic(client.topic(roomKind, topic))
  yield* lobby.send({ _tag: "join_room" })
  return lobby
})

/** Two clients sign in, subscribe, send commands, and receive receipts and deltas. */
const conversation = Effect.fnUntraced(function*(url: string, connect?: Connect) {
  const topic = TopicId.make(`room:${connect === undefined ? "plain" : "own"}`)
  const ann = yield* join(topic, url, connect)
  const bob = yield* join(topic, url, connect)
  yield* untilView(bob, (view) => view.sync._tag === "Live")
  const first = yield* ann.send({ _tag: "send_message", content: "hello" })
  assert.strictEqual(first.topic, topic)
  const received = yield* untilView(bob, (view) => view.confirmed.messages.length === 1)
  assert.strictEqual(received.position?.seq, first.seq)
  const second = yield* bob.send({ _tag: "send_message", content: { nested: ["h\u00e9", 1] } })
  assert.strictEqual(second.seq, first.seq + 1)
  const { confirmed } = yield* untilView(ann, (view) => view.confirmed.messages.length === 2)
  assert.deepStrictEqual<unknown>(confirmed.messages.map(({ content }) => content), [
    "\"hello\"",
    "{\"nested\":[\"h\u00e9\",1]}"
  ])
})

const startUrl = Effect.map(
  Effect.flatMap(Socket, (socket) => socket.start),
  ({ port }) => `http://127.0.0.1:${port}`
)

describe("two clients converse over", () => {
  it.live("[SOC3] ws", () =>
    Effect.flatMap(startUrl, (url) => conversation(url)).pipe(
      Effect.scoped,
      Effect.provide(serverLayer(SocketWs.layer(options).pipe(Layer.provide(HttpListener.layer))))
    ))

  it.live("[SOC3] Socket.IO, and plain WebSockets beside it", () =>
    Effect.flatMap(startUrl, (url) => Effect.andThen(conversation(url, overSocketIo), conversation(url))).pipe(
      Effect.scoped,
      Effect.provide(serverLayer(SocketIoEngine.layer(options).pipe(Layer.provide(HttpListener.layer))))
    ))

  it.live("[SOC3] uWebSockets.js (a fake)", () =>
    Effect.flatMap(startUrl, (url) => conversation(url)).pipe(
      Effect.scoped,
      Effect.provide(
        serverLayer(SocketUws.layer(options, Effect.succeed(uwsFake)).pipe(Layer.provide(HttpListener.layer)))
      )
    ))

  it.live("[SOC3] the in-memory engine", () =>
    Effect.gen(function*() {
      const url = yield* startUrl
      const { connect } = yield* SocketMemory.MemoryConnector
      yield* conversation(url, () => connect())
    }).pipe(Effect.scoped, Effect.provide(serverLayer(SocketMemory.layer(defaults)))))
})

/** A server with these settings, a temporary data folder and any free port. */
const configuredEngine = Effect.fnUntraced(function*(settings: Readonly<Record<string, string>>) {
  const env = { CHOIR_PORT: "0", CHOIR_DATA: yield* temporaryFolder, ...settings }
  const read = yield* Config.load.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
  return App.layer(read)
}, Layer.unwrap)

const withServer = <A, E>(
  use: Effect.Effect<A, E, App.ServerAddress | Scope.Scope>,
  env: Readonly<Record<string, string>>
) => use.pipe(Effect.scoped, Effect.provide(configuredEngine(env).pipe(Layer.provide(NodeServices.layer))))

const isUwsInstalled = (await Effect.runPromise(Effect.result(SocketUws.loadUws)))._tag === "Success"

describe("CHOIR_SOCKET", () => {
  it.live("[SOC3] socketio serves both kinds of client on the port of the page", () =>
    withServer(
      Effect.gen(function*() {
        const { url } = yield* App.ServerAddress
        const health = yield* Effect.promise(() => fetch(`${url}/health/ready`))
        assert.strictEqual(health.status, 200)
        yield* conversation(url, overSocketIo)
        yield* conversation(url)
      }),
      { CHOIR_SOCKET: "socketio" }
    ))

  Prerequisite.describeWith(Prerequisite.uwsMissing(isUwsInstalled), "an engine that is not installed", () => {
    it.live("[SOC3] [OPS10] stops the start with one sentence", () =>
      Effect.gen(function*() {
        const fault = yield* Effect.flip(withServer(App.ServerAddress, { CHOIR_SOCKET: "uws" }))
        assert.strictEqual(
          fault.message,
          "Layers.SocketUws needs a package that is not installed: npm install uNetworking/uWebSockets.js#v20.57.0"
        )
      }))
  })

  it("[OPS10] an unknown engine is a fault of the settings", () => {
    const read = Config.parse({ CHOIR_SOCKET: "carrier-pigeon" })
    assert.deepStrictEqual(read._tag === "Failure" ? read.failure : [], [
      `CHOIR_SOCKET="carrier-pigeon" must be one of ws, uws, socketio`
    ])
  })
})

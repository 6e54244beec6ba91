/** One conversation by the client library over every engine, and what a setting chooses (SOC3, SYN10). */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, type Scope, Stream } from "effect"
import { io } from "socket.io-client"
import { Client, Keys, SocketIo } from "../../../src/client/index.ts"
import { TopicId } from "../../../src/domain/Ids.ts"
import { room } from "../../../src/domain/kinds/Room.ts"
import type * as Room from "../../../src/domain/kinds/RoomModel.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import * as App from "../../../src/layers/App.ts"
import * as Config from "../../../src/layers/Config.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import * as Memory from "../../../src/layers/socket/Memory.ts"
import * as SocketIoEngine from "../../../src/layers/socket/SocketIo.ts"
import * as Uws from "../../../src/layers/socket/Uws.ts"
import * as Ws from "../../../src/layers/socket/Ws.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { behind } from "../../support/People.ts"
import { folder } from "../../support/ServerProcess.ts"
import { uws } from "../../support/UwsDouble.ts"

type Lobby = Client.Topic<Room.State, Room.Command>
type Connect = NonNullable<Client.Options["connect"]>

const options: Ws.Options = {
  host: "127.0.0.1",
  port: 0,
  limits: defaults,
  admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
}
const overSocketIo: Connect = SocketIo.connect((url, options) => io(url, options))

const until = (lobby: Lobby, wanted: (view: Client.View<Room.State>) => boolean) =>
  lobby.views.pipe(Stream.filter(wanted), Stream.runHead, Effect.map(Option.getOrThrow))

const join = Effect.fnUntraced(function*(topic: TopicId, url: string, connect: Connect | undefined) {
  const identity = yield* Effect.flatMap(Keys.generate, Keys.fromSecret)
  const client = yield* Client.make({
    url,
    identity,
    kinds: [room],
    checkAudience: false,
    ...(connect === undefined ? {} : { connect })
  })
  const lobby = client.topic(room, topic)
  yield* lobby.send({ _tag: "join_room" })
  return lobby
})

/** Signs in, subscribes, commands, and hears receipts and deltas. */
const conversation = Effect.fnUntraced(function*(url: string, connect?: Connect) {
  const topic = TopicId.make(`room:${connect === undefined ? "plain" : "own"}`)
  const ann = yield* join(topic, url, connect)
  const bob = yield* join(topic, url, connect)
  yield* until(bob, (view) => view.sync._tag === "Live")
  const first = yield* ann.send({ _tag: "send_message", content: "hello" })
  assert.strictEqual(first.topic, topic)
  const heard = yield* until(bob, (view) => view.decided.posts.length === 1)
  assert.strictEqual(heard.position?.seq, first.seq)
  const second = yield* bob.send({ _tag: "send_message", content: { nested: ["h\u00e9", 1] } })
  assert.strictEqual(second.seq, first.seq + 1)
  const { decided } = yield* until(ann, (view) => view.decided.posts.length === 2)
  assert.deepStrictEqual<unknown>(decided.posts.map(({ content }) => content), ["hello", { nested: ["h\u00e9", 1] }])
})

const started = Effect.map(
  Effect.flatMap(Socket, (socket) => socket.start),
  ({ port }) => `http://127.0.0.1:${port}`
)

describe("one conversation over", () => {
  it.live("[SOC3] ws", () =>
    Effect.flatMap(started, (url) => conversation(url)).pipe(
      Effect.scoped,
      Effect.provide(behind(Ws.layer(options).pipe(Layer.provide(Server.layer))))
    ))

  it.live("[SOC3] Socket.IO, and plain WebSockets beside it", () =>
    Effect.flatMap(started, (url) => Effect.andThen(conversation(url, overSocketIo), conversation(url))).pipe(
      Effect.scoped,
      Effect.provide(behind(SocketIoEngine.layer(options).pipe(Layer.provide(Server.layer))))
    ))

  it.live("[SOC3] uWebSockets.js (a double)", () =>
    Effect.flatMap(started, (url) => conversation(url)).pipe(
      Effect.scoped,
      Effect.provide(behind(Uws.layer(options, Effect.succeed(uws)).pipe(Layer.provide(Server.layer))))
    ))

  it.live("[SOC3] no network at all", () =>
    Effect.gen(function*() {
      const url = yield* started
      const { connect } = yield* Memory.Memory
      yield* conversation(url, () => connect())
    }).pipe(Effect.scoped, Effect.provide(behind(Memory.layer(defaults)))))
})

/** The whole server, with these settings on top of a folder and a port of its own. */
const served = Effect.fnUntraced(function*(settings: Readonly<Record<string, string>>) {
  const env = { CHOIR_PORT: "0", CHOIR_DATA: yield* folder, ...settings }
  const read = yield* Config.load.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
  return App.layer(read)
}, Layer.unwrap)

const whole = <A, E>(use: Effect.Effect<A, E, App.Served | Scope.Scope>, env: Readonly<Record<string, string>>) =>
  use.pipe(Effect.scoped, Effect.provide(served(env).pipe(Layer.provide(NodeServices.layer))))

describe("CHOIR_SOCKET", () => {
  it.live("[SOC3] socketio serves both kinds of client on the port that has the page", () =>
    whole(
      Effect.gen(function*() {
        const { url } = yield* App.Served
        const health = yield* Effect.promise(() => fetch(`${url}/health/ready`))
        assert.strictEqual(health.status, 200)
        yield* conversation(url, overSocketIo)
        yield* conversation(url)
      }),
      { CHOIR_SOCKET: "socketio" }
    ))

  it.live("[SOC3] [OPS10] an engine that is not installed stops the start with one line", () =>
    Effect.gen(function*() {
      if ((yield* Effect.result(Uws.library))._tag === "Success") return
      const fault = yield* Effect.flip(whole(App.Served, { CHOIR_SOCKET: "uws" }))
      assert.strictEqual(
        fault.message,
        "CHOIR_SOCKET=uws needs a package that is not installed: npm install uNetworking/uWebSockets.js#v20.57.0"
      )
    }))

  it("[OPS10] any other engine is a fault of the settings", () => {
    const read = Config.parse({ CHOIR_SOCKET: "carrier-pigeon" })
    assert.deepStrictEqual(read._tag === "Failure" ? read.failure : [], [
      `CHOIR_SOCKET="carrier-pigeon" must be one of ws, uws, socketio`
    ])
  })
})

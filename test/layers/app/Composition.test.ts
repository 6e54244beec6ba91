/** A server with parts of the composer's own, each a real one. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { type Context, Effect, Exit, type FileSystem, Layer, type Path, Result, Schedule, Scope } from "effect"
import { EmbeddingModel } from "effect/ai"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { SqlClient } from "effect/sql"
import { existsSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as App from "../../../src/layers/app/App.ts"
import * as ExtractiveLanguageModel from "../../../src/layers/chorus/ExtractiveLanguageModel.ts"
import { ModelInfo } from "../../../src/layers/chorus/Models.ts"
import * as Config from "../../../src/layers/config/Config.ts"
import { HttpListener } from "../../../src/layers/net/HttpListener.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import * as VectorIndexMemory from "../../../src/layers/vectorindex/VectorIndexMemory.ts"
import { PriorsCollection } from "../../../src/services/Database.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../../support/TestUsers.ts"

const fetchText = (url: string) =>
  Effect.promise(() => fetch(url).then((response) => response.text().then((text) => `${response.status} ${text}`)))

/** A folder with a page. */
const pageFolder = Effect.map(temporaryFolder, (folder) => {
  writeFileSync(join(folder, "index.html"), "my page")
  return folder
})

/** An HTTP server that listens before Choir does and answers every request itself. */
const listeningServer: Effect.Effect<Server, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback((resume) => {
    const server = createServer((_request, response) => response.end("my handler"))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.closeAllConnections()).pipe(Effect.andThen(Effect.sync(() => server.close())))
)

/** Counts vowels and other letters. */
const vowelEmbedder = Layer.merge(
  Layer.effect(
    EmbeddingModel.EmbeddingModel,
    EmbeddingModel.make({
      embedMany: ({ inputs }) =>
        Effect.succeed({
          results: inputs.map((text) => [text.replaceAll(/[^aeiou]/g, "").length + 1, text.length]),
          usage: { inputTokens: undefined }
        })
    })
  ),
  Layer.succeed(EmbeddingModel.Dimensions, 2)
)

const ownModels = Layer.mergeAll(
  ExtractiveLanguageModel.layer,
  vowelEmbedder,
  Layer.succeed(ModelInfo, { provider: "me", model: "mine", offline: true, embedder: "vowels", dimensions: 2 })
)

/** Creates a thread and writes a message into it; the `init` of the connection. */
const writeMessage = Effect.fnUntraced(function*(url: string) {
  const client = yield* openClient(url)
  const init = yield* signIn(client, makeTestUser())
  const thread = `thread:${client.send("create_thread", { name: "Notes" })}`
  client.send("subscribe", {}, thread)
  client.send("submit_message", { content: "Steep green tea at 80 degrees." }, thread)
  yield* client.nextOf("delta")
  return { client, init, thread: TopicId.make(thread) }
})

describe("a server with parts of one's own", () => {
  it("requires no other parts than those that can be brought", () => {
    // Of `core`, the type: a further requirement would not compile.
    const core: (settings: Config.Settings) => Layer.Layer<
      App.ServerAddress,
      unknown,
      App.ModelServices | SqlClient.SqlClient | VectorIndex | HttpListener | FileSystem.FileSystem | Path.Path
    > = App.core
    assert.strictEqual(core, App.core)
  })

  it.live("runs on a database, an index and models of the composer", () =>
    Effect.gen(function*() {
      const data = join(yield* temporaryFolder, "unused")
      const settings = Result.getOrThrow(Config.make({ data, port: 0 }))
      const server: Context.Context<
        App.ServerAddress | PriorsCollection | SqlClient.SqlClient | VectorIndex
      > = yield* Layer.build(
        App.layer(settings, {
          storage: Sqlite.layer({ filename: ":memory:" }),
          vectors: VectorIndexMemory.layer,
          models: ownModels
        }).pipe(Layer.provide(NodeServices.layer))
      )
      yield* Effect.gen(function*() {
        const { init } = yield* writeMessage(socketUrl((yield* App.ServerAddress).url))
        assert.deepStrictEqual(init.payload["chorus"], { model: "mine", offline: true })
        const sql = yield* SqlClient.SqlClient
        assert.isAbove((yield* sql`SELECT * FROM sqlite_master`).length, 0)
        const { dimension, name } = yield* PriorsCollection
        assert.strictEqual(dimension, 2)
        const index = yield* VectorIndex
        yield* Effect.repeat(index.count(name), { until: (count) => count === 1, schedule: Schedule.spaced(10) })
      }).pipe(Effect.provide(server))
      assert.isFalse(existsSync(data))
    }).pipe(Effect.scoped))

  it.live("serves the composer's page and routes, which use its services, and a WebSocket at another path", () =>
    Effect.gen(function*() {
      const routes = HttpRouter.use(Effect.fnUntraced(function*(router) {
        const topics = yield* Topics
        yield* router.add(
          "GET",
          "/loaded",
          Effect.map(topics.stats, ({ loadedTopics }) => HttpServerResponse.text(`${loadedTopics} loaded`))
        )
      }))
      const url = yield* startInProcessServer({}, { routes, page: yield* pageFolder, path: "/chat/ws" })
      assert.strictEqual(yield* Effect.flip(openClient(socketUrl(url))), 404)
      yield* writeMessage(socketUrl(`${url}/chat`))
      assert.match(yield* fetchText(`${url}/loaded`), /^200 [1-9]\d* loaded$/)
      assert.strictEqual(yield* fetchText(url), "200 my page")
      assert.strictEqual(yield* fetchText(`${url}/health/ready`), "200 ready\n")
    }).pipe(Effect.scoped))

  it.live("serves no page when there is to be none", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer({}, { page: false })
      assert.match(yield* fetchText(url), /^404 /)
      assert.strictEqual(yield* fetchText(`${url}/health/ready`), "200 ready\n")
    }).pipe(Effect.scoped))

  it.live.each(["ws", "socketio"])(
    "[SYN11] %s shares an HTTP server that listens already, says goodbye and leaves it listening",
    (CHOIR_SOCKET) =>
      Effect.gen(function*() {
        const server = yield* listeningServer
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const listener = Layer.succeed(HttpListener, server)
        const serving = yield* Scope.make()
        const served = startInProcessServer({ CHOIR_SOCKET }, { listener, serveHttp: false })
        assert.strictEqual(yield* Scope.provide(served, serving), url)
        const { client } = yield* writeMessage(socketUrl(url))
        assert.strictEqual(yield* fetchText(url), "200 my handler")
        yield* Scope.close(serving, Exit.void)
        assert.strictEqual(yield* client.closed, 1012)
        assert.strictEqual(yield* fetchText(url), "200 my handler")
        assert.strictEqual(yield* Effect.flip(openClient(socketUrl(url))), 200)
      }).pipe(Effect.scoped)
  )
})

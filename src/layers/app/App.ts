/**
 * The whole server, composed from the settings.
 *
 * **When to use**
 *
 * Use `layer` to run a complete server inside your own program: with kinds of
 * topic, models, a database, vectors, routes, a page or a listener of your own.
 * `node dist/main.js` is this layer and nothing else. `core` is the same without
 * the parts that can be exchanged: its type lists them. To compose only a few
 * services, provide the layers of `Layers` yourself (docs/library.md).
 *
 * **Details**
 *
 * Building the layer recovers unfinished topics, then listens; `ServerAddress` is
 * available once connections are accepted. Closing the scope drains: readiness ends,
 * clients get `goodbye`, requests under way finish (SYN11). Everything runs in one
 * process, with one data file, unless settings name other services (OPS1), such as a Postgres server.
 *
 * **Gotchas**
 *
 * - The layer needs `FileSystem` and `Path`: provide `NodeServices.layer`.
 * - One process per data folder.
 * - Log lines need `Telemetry.loggerLayer`; this layer only exports them.
 *
 * **Example**
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Layers } from "choir"
 * import { ConfigProvider, Effect, Layer } from "effect"
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 *
 * const env = { CHOIR_PORT: "0", CHOIR_DATA: mkdtempSync(join(tmpdir(), "choir-")) }
 * const server = Layer.unwrap(Effect.map(Layers.Config.load, (settings) => Layers.App.layer(settings))).pipe(
 *   Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
 *   Layer.provide(NodeServices.layer)
 * )
 *
 * const program = Effect.gen(function*() {
 *   const { url } = yield* Layers.App.ServerAddress
 *   return yield* Effect.promise(() => fetch(`${url}/health/ready`).then((response) => response.text()))
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, server))))
 * // => ready
 * ```
 */
import { Context, Effect, Layer, Ref, type Scope } from "effect"
import type { EmbeddingModel, LanguageModel } from "effect/ai"
import type { HttpRouter, HttpServerError } from "effect/http"
import type { SqlClient } from "effect/sql"
import { Server as TlsServer } from "node:tls"
import { fileURLToPath } from "node:url"
import { builtInKinds } from "../../domain/BuiltInKinds.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { Sessions as SessionsService } from "../../services/Sessions.ts"
import { Socket, type SocketError } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import type { VectorIndex } from "../../services/VectorIndex.ts"
import * as ChorusLive from "../chorus/ChorusLive.ts"
import { ModelCallLimits } from "../chorus/ModelCalls.ts"
import * as Models from "../chorus/Models.ts"
import * as RunStepHandler from "../chorus/RunStepHandler.ts"
import type { Settings } from "../config/Config.ts"
import * as OutboundBudget from "../delivery/OutboundBudget.ts"
import * as EventLogSql from "../eventlog/EventLogSql.ts"
import * as Gateway from "../gateway/Gateway.ts"
import * as ReadBudget from "../gateway/ReadBudget.ts"
import * as ConformanceEcho from "../http/ConformanceEcho.ts"
import * as HttpApp from "../http/HttpApp.ts"
import * as Readiness from "../http/Readiness.ts"
import * as SseRoute from "../http/SseRoute.ts"
import type * as AdmissionGate from "../net/AdmissionGate.ts"
import * as HttpListener from "../net/HttpListener.ts"
import * as Metrics from "../observability/Metrics.ts"
import * as Telemetry from "../observability/Telemetry.ts"
import * as SignalsLocal from "../presence/SignalsLocal.ts"
import * as DatabaseLive from "../search/DatabaseLive.ts"
import * as PriorsCollection from "../search/PriorsCollection.ts"
import * as PriorsLive from "../search/PriorsLive.ts"
import * as SearchIndexerLive from "../search/SearchIndexerLive.ts"
import * as SessionsSql from "../sessions/SessionsSql.ts"
import { requireComplete } from "../socket/core/SocketContract.ts"
import * as SocketFromConfig from "../socket/SocketFromConfig.ts"
import type * as SocketUws from "../socket/uws/SocketUws.ts"
import * as IntentHandlersLive from "../topics/IntentHandlersLive.ts"
import * as KindsLive from "../topics/KindsLive.ts"
import * as TextEraser from "../topics/TextEraser.ts"
import * as TopicsLocal from "../topics/TopicsLocal.ts"
import * as DataFolder from "./DataFolder.ts"
import * as DefaultParts from "./DefaultParts.ts"
import * as OperatorSocket from "./OperatorSocket.ts"
import * as RuntimeGauges from "./RuntimeGauges.ts"

/** The address of a running server. */
export class ServerAddress extends Context.Service<ServerAddress, {
  /** Such as `http://127.0.0.1:4100`. */
  readonly url: string
}>()("choir/layers/app/App/ServerAddress") {}

/** The default audience of signatures, which is known once the port is (SEC3). */
class PublicOrigin extends Context.Service<PublicOrigin, Ref.Ref<string>>()("choir/layers/app/App/PublicOrigin") {}

/** `dist/web`, relative to `dist/layers/app` as well as to `src/layers/app`. */
const builtPage = fileURLToPath(new URL("../../../dist/web", import.meta.url))

const priorsCollection = Layer.unwrap(Effect.map(Models.ModelInfo, ({ embedder }) => PriorsCollection.layer(embedder)))

/** Topics, the Chorus and search; needs the event log, vectors and models. */
const topicsAndChorus = ({ limits }: Settings) =>
  Layer.mergeAll(RunStepHandler.layer, SearchIndexerLive.layer, TextEraser.layer).pipe(
    Layer.provideMerge(ChorusLive.layer.pipe(Layer.provide(Layer.succeed(ModelCallLimits, limits)))),
    Layer.provideMerge(PriorsLive.layer),
    Layer.provideMerge(DatabaseLive.layer),
    Layer.provideMerge(priorsCollection),
    Layer.provideMerge(SignalsLocal.layer(limits)),
    Layer.provideMerge(TopicsLocal.layer({ limits })),
    Layer.provideMerge(IntentHandlersLive.layer)
  )

const admissionPolicy = (
  { nativeClients, origins, trustedProxies }: Settings,
  path: string
): AdmissionGate.UpgradePolicy => ({ path, origins, nativeClients, trustedProxies })

/** Makes a socket engine for the address and limits of the settings. */
export type SocketEngineFactory = (
  options: SocketUws.UwsOptions
) => Layer.Layer<Socket, SocketError, HttpListener.HttpListener>

/** Routes beside the server's own. They may use its services. */
export type AppRoutes = Layer.Layer<
  never,
  never,
  | Topics
  | SessionsService
  | Readiness.Readiness
  | HttpRouter.HttpRouter
  | HttpRouter.Request<"Error", HttpServerError.HttpServerError>
>

/** What a server is made of beside its settings and its parts. */
export interface CoreOptions {
  /** Kinds of topic beside the built-in ones (TOP8); one of the same name replaces the built-in one. */
  readonly kinds?: ReadonlyArray<AnyKind> | undefined
  /** A socket engine in place of the one that `CHOIR_SOCKET` selects. */
  readonly socketEngine?: SocketEngineFactory | undefined
  /** HTTP routes beside the server's own. */
  readonly routes?: AppRoutes | undefined
  /** The folder of the page in place of the built-in page, or false for none. */
  readonly page?: string | false | undefined
  /** The path of the WebSocket; `/ws` by default. A client of `https://host/chat` connects to `/chat/ws`. */
  readonly path?: string | undefined
  /** False leaves all requests to the listener's own handler: no page, health, metrics or event streams (default: true). */
  readonly serveHttp?: boolean | undefined
}

const httpApp = ({ limits, metrics, metricsToken, trustedProxies }: Settings, { page, routes }: CoreOptions) =>
  Layer.unwrap(Effect.map(
    Effect.context<Topics | SessionsService | Readiness.Readiness>(),
    (context) =>
      HttpApp.layer({
        webRoot: page === false ? undefined : page ?? builtPage,
        limits,
        trustedProxies,
        metrics: { access: metrics, token: metricsToken },
        extraRoutes: Layer.provide(
          Layer.merge(SseRoute.layer({ limits, trustedProxies }), routes ?? Layer.empty),
          Layer.succeedContext(context)
        )
      })
  ))

const network = (settings: Settings, options: CoreOptions) => {
  const { limits } = settings
  const { path = "/ws", serveHttp = true, socketEngine } = options
  const makeEngine = socketEngine ?? ((engineOptions) => SocketFromConfig.layer(settings.socket, engineOptions))
  return Layer.unwrap(
    Effect.map(
      PublicOrigin,
      (origin) => Gateway.layer({ audience: () => settings.audience ?? Ref.getUnsafe(origin), limits })
    )
  ).pipe(
    Layer.provideMerge(makeEngine({
      host: settings.host,
      port: settings.port,
      limits,
      admission: admissionPolicy(settings, path),
      tls: DefaultParts.certificateFiles(settings),
      compression: settings.compression,
      isHandledElsewhere: (other) => settings.echo && other === ConformanceEcho.echoPath
    })),
    Layer.provideMerge(
      settings.echo
        ? ConformanceEcho.layer({
          limits,
          admission: admissionPolicy(settings, ConformanceEcho.echoPath),
          compression: settings.compression
        })
        : Layer.empty
    ),
    Layer.provideMerge(serveHttp ? httpApp(settings, options) : Layer.empty),
    Layer.provideMerge(SessionsSql.layer(limits)),
    Layer.provideMerge(Readiness.layer),
    Layer.provideMerge(Layer.effect(PublicOrigin, Ref.make("")))
  )
}

type RunningServer =
  | Topics
  | Socket
  | Gateway.Gateway
  | Readiness.Readiness
  | PublicOrigin
  | HttpListener.HttpListener

/**
 * Recovers topics, then listens. On release: ends readiness, drains connections, finishes requests under way (SYN11).
 */
const startServer = Effect.fnUntraced(function*(
  { data, limits, tlsCert }: Settings
): Effect.fn.Return<ServerAddress["Service"], SocketError, RunningServer | Scope.Scope> {
  const topics = yield* Topics
  const socket = yield* Effect.flatMap(Socket, requireComplete)
  const gateway = yield* Gateway.Gateway
  const readiness = yield* Readiness.Readiness
  const hasTls = tlsCert !== null || (yield* HttpListener.HttpListener) instanceof TlsServer
  yield* topics.recover
  const { address, port } = yield* Effect.acquireRelease(socket.start, () =>
    Ref.set(readiness, false).pipe(
      Effect.andThen(gateway.drain),
      Effect.andThen(socket.stop),
      Effect.timeoutOption(limits.drainCap)
    ))
  const url = `${hasTls ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${port}`
  yield* Ref.set(yield* PublicOrigin, url)
  yield* Ref.set(readiness, true)
  // Ends before the drain begins, which is the last to set readiness.
  yield* Effect.forkScoped(DataFolder.watchDataFolder(data, readiness))
  return { url }
})

const withoutReplaced = (kinds: ReadonlyArray<AnyKind>): ReadonlyArray<AnyKind> =>
  [...builtInKinds.values()].filter(({ name }) => !kinds.some((kind) => kind.name === name))

/**
 * The server without its parts, which its type lists: models with their names, storage, vectors and the HTTP listener.
 * A listener that listens already is used as it is, and left listening at the end.
 */
export const core = (settings: Settings, { kinds = [], ...options }: CoreOptions = {}) =>
  Layer.effect(ServerAddress, startServer(settings)).pipe(
    Layer.provideMerge(RuntimeGauges.layer),
    Layer.provideMerge(network(settings, options)),
    Layer.provideMerge(topicsAndChorus(settings)),
    Layer.provideMerge(KindsLive.layer([...withoutReplaced(kinds), ...kinds])),
    Layer.provideMerge(EventLogSql.layer),
    Layer.provideMerge(OutboundBudget.layer(settings.limits)),
    Layer.provideMerge(ReadBudget.layer(settings.limits)),
    Layer.provide(Telemetry.samplingLayer(settings)),
    Layer.provideMerge(Telemetry.layer(settings)),
    Layer.provideMerge(Metrics.layer)
  )

/** The services of models: the language model, the embedding model, and their names. */
export type ModelServices =
  | LanguageModel.LanguageModel
  | EmbeddingModel.EmbeddingModel
  | EmbeddingModel.Dimensions
  | Models.ModelInfo

/** Additions to a server, and own parts in place of those that its settings choose. */
export interface Extensions<E = never, R = never> extends CoreOptions {
  /** In place of the models of `CHOIR_LLM_*` and `CHOIR_EMBED_*`. */
  readonly models?: Layer.Layer<ModelServices, E, R> | undefined
  /** In place of the data file or Postgres. The index in the data file needs SQLite: beside Postgres, bring `vectors` too. */
  readonly storage?: Layer.Layer<SqlClient.SqlClient, E, R> | undefined
  /** In place of the index in the data file, or in Qdrant. */
  readonly vectors?: Layer.Layer<VectorIndex, E, R> | undefined
  /** In place of a listener on `CHOIR_HOST` and `CHOIR_PORT`. */
  readonly listener?: Layer.Layer<HttpListener.HttpListener, E, R> | undefined
}

const partOrDefault = <A, E, R, E2, R2>(
  part: Layer.Layer<A, E, R> | undefined,
  defaultPart: Layer.Layer<A, E2, R2>
): Layer.Layer<A, E | E2, R | R2> => part ?? defaultPart

/** The complete server (OPS1): `core` with parts. It drains and stops when the scope closes. */
export const layer = <E = never, R = never>(settings: Settings, extensions: Extensions<E, R> = {}) =>
  // Who brings the storage has no folder of the server's: their operator uses `Topics`.
  (extensions.storage === undefined ? OperatorSocket.layer(settings.data) : Layer.empty).pipe(
    Layer.provideMerge(core(settings, extensions)),
    Layer.provideMerge(partOrDefault(extensions.vectors, DefaultParts.vectorsLayer(settings))),
    Layer.provideMerge(partOrDefault(extensions.models, DefaultParts.modelsLayer(settings))),
    Layer.provideMerge(partOrDefault(extensions.storage, DefaultParts.storageLayer(settings))),
    Layer.provideMerge(partOrDefault(extensions.listener, DefaultParts.listenerLayer(settings)))
  )

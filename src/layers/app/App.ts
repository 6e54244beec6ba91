/**
 * The whole server, composed from the settings.
 *
 * **When to use**
 *
 * Use `layer` to run a complete server inside your own program: with a kind of
 * topic or a socket engine of your own, or next to other services. `node
 * dist/main.js` is this layer and nothing else. To compose only parts, provide the
 * layers of `Layers` yourself.
 *
 * **Details**
 *
 * Building the layer recovers unfinished topics, then listens; `ServerAddress` is
 * available once connections are accepted. Closing the scope drains: readiness ends,
 * clients get `goodbye`, requests under way finish (SYN11). Everything runs in one
 * process, with one data file, unless settings name other services (OPS1).
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
import { Context, Duration, Effect, Layer, Path, Ref, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import { fileURLToPath } from "node:url"
import { builtInKinds } from "../../domain/BuiltInKinds.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { Sessions as SessionsService } from "../../services/Sessions.ts"
import { Socket, type SocketError } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import type { VectorIndex, VectorIndexError } from "../../services/VectorIndex.ts"
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
import type { PackageNotInstalled } from "../runtime/OptionalPackage.ts"
import * as DatabaseLive from "../search/DatabaseLive.ts"
import * as PriorsCollection from "../search/PriorsCollection.ts"
import * as PriorsLive from "../search/PriorsLive.ts"
import * as SearchIndexerLive from "../search/SearchIndexerLive.ts"
import * as SessionsSql from "../sessions/SessionsSql.ts"
import { requireComplete } from "../socket/core/SocketContract.ts"
import * as SocketFromConfig from "../socket/SocketFromConfig.ts"
import type * as SocketUws from "../socket/uws/SocketUws.ts"
import * as Sqlite from "../sql/Sqlite.ts"
import * as IntentHandlersLive from "../topics/IntentHandlersLive.ts"
import * as KindsLive from "../topics/KindsLive.ts"
import * as TopicsLocal from "../topics/TopicsLocal.ts"
import * as VectorIndexEmbedded from "../vectorindex/VectorIndexEmbedded.ts"
import * as VectorIndexQdrant from "../vectorindex/VectorIndexQdrant.ts"
import * as DataFolder from "./DataFolder.ts"
import * as RuntimeGauges from "./RuntimeGauges.ts"

/** The address of a running server. */
export class ServerAddress extends Context.Service<ServerAddress, {
  /** Such as `http://127.0.0.1:4100`. */
  readonly url: string
}>()("choir/layers/app/App/ServerAddress") {}

/** The default audience of signatures, which is known once the port is (SEC3). */
class PublicOrigin extends Context.Service<PublicOrigin, Ref.Ref<string>>()("choir/layers/app/App/PublicOrigin") {}

/** `dist/web`, relative to `dist/layers/app` as well as to `src/layers/app`. */
const webRoot = fileURLToPath(new URL("../../../dist/web", import.meta.url))

const storageLayer = (settings: Settings) =>
  Layer.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    yield* DataFolder.ensureDataFolder(settings.data)
    const file = Sqlite.layer({ filename: path.join(settings.data, "choir.db") }).pipe(
      Layer.catchTag("SqlError", ({ message }) =>
        Layer.effectContext(
          Effect.fail(new DataFolder.DataFolderUnusable({ folder: settings.data, reason: message }))
        ))
    )
    return EventLogSql.layer.pipe(Layer.provideMerge(file))
  }))

const modelLayer = (settings: Settings) => {
  const { embedDimensions, embedKey, embedModel, embedUrl, llmKey, llmModel, llmUrl } = settings
  return Models.layer({
    llm: llmUrl === null || llmModel === null ? undefined : {
      url: llmUrl,
      key: llmKey ?? undefined,
      model: llmModel,
      limits: {
        firstTokenTimeout: Duration.millis(settings.llmFirstTokenTimeout),
        idleTimeout: Duration.millis(settings.llmIdleTimeout)
      }
    },
    embed: embedUrl === null || embedModel === null ? undefined : {
      url: embedUrl,
      key: embedKey ?? undefined,
      model: embedModel,
      dimensions: embedDimensions,
      limits: { embeddingTimeout: Duration.millis(settings.embedTimeout) }
    }
  })
}

/** The vector index: in the data file, unless a Qdrant server is configured. */
const vectorIndexLayer = (
  { qdrantKey, qdrantUrl }: Settings
): Layer.Layer<VectorIndex, VectorIndexError | PackageNotInstalled, SqlClient.SqlClient> =>
  qdrantUrl === null
    ? VectorIndexEmbedded.layer
    : VectorIndexQdrant.layer({ url: qdrantUrl, apiKey: qdrantKey ?? undefined, timeout: vectorTimeoutMillis })

/** Milliseconds that one call to a vector engine may take. */
const vectorTimeoutMillis = 10_000

const priorsCollection = Layer.unwrap(Effect.map(Models.ModelInfo, ({ embedder }) => PriorsCollection.layer(embedder)))

/** Topics, the Chorus and search; needs storage and models. */
const topicsAndChorus = (settings: Settings) =>
  Layer.mergeAll(RunStepHandler.layer, SearchIndexerLive.layer).pipe(
    Layer.provideMerge(ChorusLive.layer.pipe(Layer.provide(Layer.succeed(ModelCallLimits, settings.limits)))),
    Layer.provideMerge(PriorsLive.layer),
    Layer.provideMerge(DatabaseLive.layer),
    Layer.provideMerge(priorsCollection),
    Layer.provideMerge(vectorIndexLayer(settings)),
    Layer.provideMerge(SignalsLocal.layer(settings.limits)),
    Layer.provideMerge(TopicsLocal.layer({ limits: settings.limits })),
    Layer.provideMerge(IntentHandlersLive.layer)
  )

const admissionPolicy = (
  { nativeClients, origins, trustedProxies }: Settings,
  path: string
): AdmissionGate.UpgradePolicy => ({ path, origins, nativeClients, trustedProxies })

const certificateFiles = ({ tlsCert, tlsKey }: Settings) =>
  tlsCert === null || tlsKey === null ? undefined : { cert: tlsCert, key: tlsKey }

/** The HTTP listener, with TLS if there is a certificate (OPS9). */
const httpListener = (settings: Settings) => {
  const tls = certificateFiles(settings)
  // uWebSockets.js has a listener of its own, which terminates TLS.
  return tls === undefined || settings.socket === "uws"
    ? HttpListener.layerPlain(settings.limits)
    : HttpListener.layerTls(tls, settings.limits)
}

const httpApp = ({ limits, metrics, metricsToken, trustedProxies }: Settings) =>
  Layer.unwrap(Effect.map(
    Effect.context<Topics | SessionsService | Readiness.Readiness>(),
    (context) =>
      HttpApp.layer({
        webRoot,
        limits,
        trustedProxies,
        metrics: { access: metrics, token: metricsToken },
        extraRoutes: Layer.provide(SseRoute.layer({ limits, trustedProxies }), Layer.succeedContext(context))
      })
  ))

/** Makes a socket engine for the address and limits of the settings. */
type SocketEngineFactory = (
  options: SocketUws.UwsOptions
) => Layer.Layer<Socket, SocketError, HttpListener.HttpListener>

const network = (settings: Settings, engine: SocketEngineFactory) => {
  const { limits } = settings
  return Layer.unwrap(
    Effect.map(
      PublicOrigin,
      (origin) => Gateway.layer({ audience: () => settings.audience ?? Ref.getUnsafe(origin), limits })
    )
  ).pipe(
    Layer.provideMerge(engine({
      host: settings.host,
      port: settings.port,
      limits,
      admission: admissionPolicy(settings, "/ws"),
      tls: certificateFiles(settings),
      compression: settings.compression,
      isHandledElsewhere: (path) => settings.echo && path === ConformanceEcho.echoPath
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
    Layer.provideMerge(httpApp(settings)),
    Layer.provideMerge(SessionsSql.layer(limits)),
    Layer.provideMerge(Readiness.layer),
    Layer.provideMerge(httpListener(settings)),
    Layer.provideMerge(Layer.effect(PublicOrigin, Ref.make("")))
  )
}

type RunningServer = Topics | Socket | Gateway.Gateway | Readiness.Readiness | PublicOrigin | Sqlite.DataFiles

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
  yield* topics.recover
  const { address, port } = yield* Effect.acquireRelease(socket.start, () =>
    Ref.set(readiness, false).pipe(
      Effect.andThen(gateway.drain),
      Effect.andThen(socket.stop),
      Effect.timeoutOption(limits.drainCap)
    ))
  const url = `${tlsCert === null ? "http" : "https"}://${address.includes(":") ? `[${address}]` : address}:${port}`
  yield* Ref.set(yield* PublicOrigin, url)
  yield* Ref.set(readiness, true)
  // Ends before the drain begins, which is the last to set readiness.
  yield* Effect.forkScoped(DataFolder.watchDataFolder(data, readiness))
  return { url }
})

/** Additions to a server. */
export interface Extensions {
  /** A socket engine in place of the one that `CHOIR_SOCKET` selects. */
  readonly socketEngine?: SocketEngineFactory | undefined
  /** Kinds of topic beside the built-in ones (TOP8); one of the same name replaces the built-in one. */
  readonly kinds?: ReadonlyArray<AnyKind> | undefined
}

const withoutReplaced = (kinds: ReadonlyArray<AnyKind>): ReadonlyArray<AnyKind> =>
  [...builtInKinds.values()].filter(({ name }) => !kinds.some((kind) => kind.name === name))

/** The complete server (OPS1). It drains and stops when the scope closes. */
export const layer = (settings: Settings, { socketEngine, kinds = [] }: Extensions = {}) =>
  Layer.effect(ServerAddress, startServer(settings)).pipe(
    Layer.provideMerge(RuntimeGauges.layer),
    Layer.provideMerge(
      network(settings, socketEngine ?? ((options) => SocketFromConfig.layer(settings.socket, options)))
    ),
    Layer.provideMerge(topicsAndChorus(settings)),
    Layer.provideMerge(KindsLive.layer([...withoutReplaced(kinds), ...kinds])),
    Layer.provideMerge(modelLayer(settings)),
    Layer.provideMerge(storageLayer(settings)),
    Layer.provideMerge(OutboundBudget.layer(settings.limits)),
    Layer.provideMerge(ReadBudget.layer(settings.limits)),
    Layer.provideMerge(Telemetry.layer(settings)),
    Layer.provideMerge(Metrics.layer)
  )

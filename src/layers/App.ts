/**
 * The whole server, composed. What stands below depends on what stands above
 * it: storage, topics, models, search, people, the wire.
 */
import { Context, Effect, Layer, Path, Ref, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { fileURLToPath } from "node:url"
import { shipped } from "../domain/kinds/Kinds.ts"
import type { AnyKind } from "../domain/Topic.ts"
import { Kinds } from "../services/Kinds.ts"
import type { Sessions as SessionsService } from "../services/Sessions.ts"
import { complete, Socket, type SocketError } from "../services/Socket.ts"
import { Topics } from "../services/Topics.ts"
import type { VectorIndex, VectorIndexError } from "../services/VectorIndex.ts"
import * as ChorusLive from "./chorus/ChorusLive.ts"
import * as Models from "./chorus/Models.ts"
import * as RunStepPerformer from "./chorus/RunStepPerformer.ts"
import type { Settings } from "./Config.ts"
import * as EventStream from "./connection/EventStream.ts"
import * as Gateway from "./connection/Gateway.ts"
import * as Collection from "./database/Collection.ts"
import * as Database from "./database/Database.ts"
import * as Priors from "./database/Priors.ts"
import * as Projector from "./database/Projector.ts"
import * as DataFolder from "./DataFolder.ts"
import * as EventLog from "./eventlog/Sql.ts"
import * as Echo from "./http/Echo.ts"
import * as Http from "./http/Http.ts"
import * as Readiness from "./http/Readiness.ts"
import * as Server from "./http/Server.ts"
import * as Metrics from "./observability/Metrics.ts"
import * as Telemetry from "./observability/Telemetry.ts"
import * as Watch from "./observability/Watch.ts"
import * as Performers from "./Performers.ts"
import * as Sessions from "./sessions/Sql.ts"
import * as Signals from "./signals/Local.ts"
import type * as Admission from "./socket/Admission.ts"
import * as Select from "./socket/Select.ts"
import type * as Uws from "./socket/Uws.ts"
import * as Sqlite from "./sql/Sqlite.ts"
import * as TopicsLocal from "./topics/Local.ts"
import * as Embedded from "./vectorindex/Embedded.ts"
import * as Qdrant from "./vectorindex/Qdrant.ts"

/** The server, taking connections. */
export class Served extends Context.Service<Served, {
  /** Such as `http://127.0.0.1:4100`. */
  readonly url: string
}>()("choir/layers/App/Served") {}

/** The public origin that signatures are made for; known once the port is (SEC3). */
class Origin extends Context.Service<Origin, Ref.Ref<string>>()("choir/layers/App/Origin") {}

/** `dist/web`, seen from `dist/layers` as well as from `src/layers`. */
const webRoot = fileURLToPath(new URL("../../dist/web", import.meta.url))

const storage = (settings: Settings) =>
  Layer.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    yield* DataFolder.make(settings.data)
    const file = Sqlite.layer({ filename: path.join(settings.data, "choir.db") }).pipe(
      Layer.catchTag("SqlError", ({ message }) =>
        Layer.effect(
          SqlClient.SqlClient,
          Effect.fail(new DataFolder.DataFolderUnusable({ folder: settings.data, reason: message }))
        ))
    )
    return EventLog.layer.pipe(Layer.provideMerge(file))
  }))

const models = ({ embedDimensions, embedKey, embedModel, embedUrl, llmKey, llmModel, llmUrl }: Settings) =>
  Models.layer({
    llm: llmUrl === null || llmModel === null ? undefined : { url: llmUrl, key: llmKey ?? undefined, model: llmModel },
    embed: embedUrl === null || embedModel === null ? undefined : {
      url: embedUrl,
      key: embedKey ?? undefined,
      model: embedModel,
      dimensions: embedDimensions
    }
  })

/** Where vectors are kept: in the data file, unless a Qdrant server is named. */
const vectors = (
  { qdrantKey, qdrantUrl }: Settings
): Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> =>
  qdrantUrl === null
    ? Embedded.layer
    : Qdrant.layer({ url: qdrantUrl, apiKey: qdrantKey ?? undefined, timeout: vectorTimeout })

/** Milliseconds that one call to a vector engine may take. */
const vectorTimeout = 10_000

const collection = Layer.unwrap(Effect.map(Models.ModelInfo, ({ embedder }) => Collection.layer(embedder)))

/** Threads and what thinks along in them; needs storage and models. */
const minds = (settings: Settings) =>
  Layer.mergeAll(RunStepPerformer.layer, Projector.layer).pipe(
    Layer.provideMerge(ChorusLive.layer),
    Layer.provideMerge(Priors.layer),
    Layer.provideMerge(Database.layer),
    Layer.provideMerge(collection),
    Layer.provideMerge(vectors(settings)),
    Layer.provideMerge(Signals.layer(settings.limits)),
    Layer.provideMerge(TopicsLocal.layer({ limits: settings.limits })),
    Layer.provideMerge(Performers.layer)
  )

const admission = (
  { nativeClients, origins, trustedProxies }: Omit<Settings, "limits">,
  path: string
): Admission.Policy => ({ path, origins, nativeClients, trustedProxies })

/** The port speaks TLS when there is a certificate (OPS9). */
const listener = ({ limits, socket, tlsCert, tlsKey }: Pick<Settings, "limits" | "socket" | "tlsCert" | "tlsKey">) =>
  // uWebSockets.js has a listener of its own, and speaks TLS there.
  tlsCert === null || tlsKey === null || socket === "uws"
    ? Server.layerPlain(limits)
    : Server.layerTls({ cert: tlsCert, key: tlsKey }, limits)

const http = ({ limits, metrics, metricsToken, trustedProxies }: Settings) =>
  Layer.unwrap(Effect.map(
    Effect.context<Topics | SessionsService | Readiness.Readiness>(),
    (context) =>
      Http.layer({
        webRoot,
        limits,
        trustedProxies,
        metrics: { access: metrics, token: metricsToken },
        more: Layer.provide(EventStream.layer(limits), Layer.succeedContext(context))
      })
  ))

/** A socket engine, for the place and the limits that the settings name. */
type SocketEngine = (options: Uws.Options) => Layer.Layer<Socket, SocketError, Server.HttpListener>

const wire = ({ limits, ...settings }: Settings, engine: SocketEngine) =>
  Layer.unwrap(
    Effect.map(
      Origin,
      (origin) => Gateway.layer({ audience: () => settings.audience ?? Ref.getUnsafe(origin), limits })
    )
  ).pipe(
    Layer.provideMerge(engine({
      host: settings.host,
      port: settings.port,
      limits,
      admission: admission(settings, "/ws"),
      tls: settings.tlsCert === null || settings.tlsKey === null
        ? undefined
        : { cert: settings.tlsCert, key: settings.tlsKey },
      compression: settings.compression,
      leave: (path) => settings.echo && path === Echo.path
    })),
    Layer.provideMerge(
      settings.echo ? Echo.layer({ limits, admission: admission(settings, Echo.path) }) : Layer.empty
    ),
    Layer.provideMerge(http({ ...settings, limits })),
    Layer.provideMerge(Sessions.layer(limits)),
    Layer.provideMerge(Readiness.layer),
    Layer.provideMerge(listener({ ...settings, limits })),
    Layer.provideMerge(Layer.effect(Origin, Ref.make("")))
  )

type Living = Topics | Socket | Gateway.Gateway | Readiness.Readiness | Origin

/**
 * Takes up what waited, then listens; at the end says it is no longer ready,
 * lets everybody go, and finishes the requests under way (SYN11).
 */
const serve = Effect.fnUntraced(function*(
  { limits, tlsCert }: Settings
): Effect.fn.Return<Served["Service"], SocketError, Living | Scope.Scope> {
  const topics = yield* Topics
  const socket = yield* Effect.flatMap(Socket, complete)
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
  yield* Ref.set(yield* Origin, url)
  yield* Ref.set(readiness, true)
  return { url }
})

/** What a server may have of one's own. */
export interface Own {
  /** A socket engine in place of those that `CHOIR_SOCKET` names. */
  readonly engine?: SocketEngine | undefined
  /** Kinds of topic beside the shipped ones (TOP8); one of the same name takes the shipped one's place. */
  readonly kinds?: ReadonlyArray<AnyKind> | undefined
}

/** Everything, on one machine and with no other service (OPS1). Stops when its scope closes. */
export const layer = (settings: Settings, { engine, kinds = [] }: Own = {}) =>
  Layer.effect(Served, serve(settings)).pipe(
    Layer.provideMerge(Watch.layer),
    Layer.provideMerge(wire(settings, engine ?? ((options) => Select.layer(settings.socket, options)))),
    Layer.provideMerge(minds(settings)),
    Layer.provideMerge(Layer.succeed(Kinds, new Map([...shipped, ...kinds.map((kind) => [kind.name, kind] as const)]))),
    Layer.provideMerge(models(settings)),
    Layer.provideMerge(storage(settings)),
    Layer.provideMerge(Telemetry.layer(settings)),
    Layer.provideMerge(Metrics.layer)
  )

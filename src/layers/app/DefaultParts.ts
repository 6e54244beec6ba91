/** The parts of a server that its settings choose, and that a program may bring itself: see `App.core`. */
import { Duration, Effect, type FileSystem, Layer, Path } from "effect"
import type { SqlClient } from "effect/sql"
import type { VectorIndex, VectorIndexError } from "../../services/VectorIndex.ts"
import * as Models from "../chorus/Models.ts"
import type { Settings, SettingsInvalid } from "../config/Config.ts"
import * as HttpListener from "../net/HttpListener.ts"
import type { CertificateFiles } from "../net/Tls.ts"
import type { PackageNotInstalled } from "../runtime/OptionalPackage.ts"
import * as Postgres from "../sql/Postgres.ts"
import * as Sqlite from "../sql/Sqlite.ts"
import * as VectorIndexEmbedded from "../vectorindex/VectorIndexEmbedded.ts"
import * as VectorIndexQdrant from "../vectorindex/VectorIndexQdrant.ts"
import * as DataFolder from "./DataFolder.ts"

/** A SQLite file in the data folder, which is made if it is missing. */
const dataFileLayer = (settings: Settings, name: string) =>
  Layer.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    yield* DataFolder.ensureDataFolder(settings.data)
    return Sqlite.layer({ filename: path.join(settings.data, name) }).pipe(
      Layer.catchTag("SqlError", ({ message }) =>
        Layer.effectContext(
          Effect.fail(new DataFolder.DataFolderUnusable({ folder: settings.data, reason: message }))
        ))
    )
  }))

/** What is kept of topics and sessions: in the data file, unless a Postgres server is configured. */
export const storageLayer = (
  settings: Settings
): Layer.Layer<
  SqlClient.SqlClient,
  | DataFolder.DataFolderUnusable
  | Sqlite.SqliteInUse
  | Postgres.PostgresUnusable
  | PackageNotInstalled,
  FileSystem.FileSystem | Path.Path
> =>
  settings.postgresUrl === null
    ? dataFileLayer(settings, "choir.db")
    : Postgres.layer({ url: settings.postgresUrl })

/** The endpoints of the settings, or the built-in models. */
export const modelsLayer = (settings: Settings) => {
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

/**
 * The vector index: in the data file, unless a Qdrant server is configured. Beside Postgres it has a file of its own, which
 * is filled from the logs when it is new.
 */
export const vectorsLayer = (
  settings: Settings
): Layer.Layer<
  VectorIndex,
  VectorIndexError | PackageNotInstalled | DataFolder.DataFolderUnusable | Sqlite.SqliteInUse,
  SqlClient.SqlClient | FileSystem.FileSystem | Path.Path
> => {
  const { postgresUrl, qdrantKey, qdrantUrl } = settings
  if (qdrantUrl === null) {
    return postgresUrl === null
      ? VectorIndexEmbedded.layer
      : VectorIndexEmbedded.layer.pipe(Layer.provide(dataFileLayer(settings, "vectors.db")))
  }
  return VectorIndexQdrant.layer({ url: qdrantUrl, apiKey: qdrantKey ?? undefined, timeout: vectorTimeoutMillis })
}

/** Milliseconds that one call to a vector engine may take. */
const vectorTimeoutMillis = 10_000

/** The certificate of the settings, if any. */
export const certificateFiles = ({ tlsCert, tlsKey }: Settings): CertificateFiles | undefined =>
  tlsCert === null || tlsKey === null ? undefined : { cert: tlsCert, key: tlsKey }

/** The HTTP listener, with TLS if there is a certificate (OPS9). */
export const listenerLayer = (
  settings: Settings
): Layer.Layer<HttpListener.HttpListener, SettingsInvalid, FileSystem.FileSystem> => {
  const tls = certificateFiles(settings)
  // uWebSockets.js has a listener of its own, which terminates TLS.
  return tls === undefined || settings.socket === "uws"
    ? HttpListener.layerPlain(settings.limits)
    : HttpListener.layerTls(tls, settings.limits)
}

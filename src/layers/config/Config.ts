/**
 * All settings, from `CHOIR_*` variables (OPS10).
 *
 * **When to use**
 *
 * To configure `App.layer` and `Telemetry`: `load` reads the current `ConfigProvider`, as the `choir` server does; `make`
 * takes values. Both check the same.
 *
 * **Details**
 *
 * All faults are reported at once and before anything starts, unknown names included: Effect's `Config` stops at the
 * first one. Keys and tokens are `Redacted`. A provider may spell `CHOIR_LLM_URL` as one name, as `LLM_URL` in `CHOIR`, or
 * as nested `CHOIR`, `LLM`, `URL`.
 *
 * **Gotchas**
 *
 * Another program's variables that begin with `CHOIR_` are faults, as far as the provider lists its names. Settings are read once; only TLS certificates are read
 * again, on SIGHUP.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { ConfigProvider, Effect } from "effect"
 *
 * const read = (env: Record<string, string>) =>
 *   Effect.provide(Layers.Config.load, ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
 *
 * const program = Effect.gen(function*() {
 *   console.log((yield* read({ CHOIR_PORT: "8080" })).port) // 8080
 *   console.log((yield* Effect.fromResult(Layers.Config.make({ port: 8081, limits: { pingInterval: 20_000 } }))).port) // 8081
 *   const { faults } = yield* Effect.flip(read({ CHOIR_PORT: "high", CHOIR_COLOUR: "blue" }))
 *   return faults.length
 * })
 *
 * console.log(await Effect.runPromise(program))
 * // => 2
 * ```
 */
import { ConfigProvider, Effect, type Redacted, Result, Schema } from "effect"
import { ipVersion, isAddressRange } from "../../domain/admission/IpAddress.ts"
import { mayListen } from "../../domain/admission/TransportSecurity.ts"
import { defaults, type Limits } from "../../domain/protocol/Limits.ts"
import * as Setting from "./Setting.ts"

/** The settings are invalid; each fault is one line that names the variable, its value and what is allowed. */
export class SettingsInvalid extends Schema.TaggedError<SettingsInvalid>()("SettingsInvalid", {
  faults: Schema.Array(Schema.String)
}) {
  override get message() {
    return this.faults.join("\n")
  }
}

const isOrigin = (value: string): boolean => URL.canParse(value) && new URL(value).origin === value

/** The longest wait for a model, in milliseconds. */
const maxTimeout = 3_600_000

const settingDefinitions = {
  host: Setting.make(
    "HOST",
    "127.0.0.1",
    "an IP address or localhost",
    (value) => value === "localhost" || ipVersion(value) !== 0 ? value : undefined
  ),
  port: Setting.number("PORT", 4100, 0, 65_535),
  /** The folder of the data files; created if missing. */
  data: Setting.text("DATA", "./data"),
  /** The Postgres server for logs, directory and sessions; null: the data file. */
  postgresUrl: Setting.postgres("POSTGRES_URL"),
  /** Browser origins that may connect; empty: the same origin, by address or as localhost. */
  origins: Setting.list("ORIGINS", "origins such as https://choir.example", isOrigin),
  /** Whether clients without an Origin header, which browsers always send, may connect. */
  nativeClients: Setting.flag("NATIVE_CLIENTS", true),
  /** The audience of signatures (SEC3); null: the address that is listened on. */
  audience: Setting.make<string | null>(
    "AUDIENCE",
    null,
    "an origin such as https://choir.example: http:// or https://, a host and perhaps a port, and nothing after it",
    (value) => /^https?:/.test(value) && isOrigin(value) ? value : undefined
  ),
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-* headers are trusted. */
  trustedProxies: Setting.list(
    "TRUSTED_PROXIES",
    "IP addresses without a port, and ranges such as 10.0.0.0/8 whose bits after the prefix are zero",
    isAddressRange
  ),
  /** PEM files; with them, the port serves https and wss. Read again on SIGHUP. */
  tlsCert: Setting.optional("TLS_CERT", "the path of a PEM file"),
  tlsKey: Setting.optional("TLS_KEY", "the path of a PEM file"),
  /** Serves /echo, an echoing WebSocket for protocol conformance suites. */
  echo: Setting.flag("ECHO", false),
  /** Whether plain HTTP may be served beyond loopback. */
  insecure: Setting.flag("INSECURE", false),
  /** The socket engine; all but the default need a package to be installed. */
  socket: Setting.choice("SOCKET", "ws", ["ws", "uws", "socketio"]),
  /** Whether permessage-deflate is negotiated (CON9). */
  compression: Setting.flag("COMPRESSION", false),
  /** The format of log lines on stderr. */
  logFormat: Setting.choice("LOG_FORMAT", "json", ["json", "pretty"]),
  /** The level from which log lines are written. */
  logLevel: Setting.choice("LOG_LEVEL", "Warn", ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"]),
  /** Which requests may read /metrics: those from this machine, all, or only those with the token. */
  metrics: Setting.choice("METRICS", "local", ["local", "public", "off"]),
  /** A bearer token that gives access to /metrics from anywhere. */
  metricsToken: Setting.secret("METRICS_TOKEN"),
  /** An OTLP collector over HTTP for logs, traces and metrics; null: nothing is exported. */
  otlpUrl: Setting.url("OTLP_URL", "OTLP_TOKEN"),
  otlpToken: Setting.secret("OTLP_TOKEN"),
  /** The name of the service in what is exported. */
  otlpService: Setting.text("OTLP_SERVICE", "choir"),
  /** An OpenAI-compatible endpoint for the Chorus; null: the built-in extractive model. */
  llmUrl: Setting.url("LLM_URL", "LLM_KEY"),
  llmKey: Setting.secret("LLM_KEY"),
  llmModel: Setting.optional("LLM_MODEL"),
  /** Milliseconds without a sign of life of the endpoint: until its answer begins, and between two parts of it. */
  llmFirstTokenTimeout: Setting.number("LLM_FIRST_TOKEN_TIMEOUT", 60_000, 1, maxTimeout),
  llmIdleTimeout: Setting.number("LLM_IDLE_TIMEOUT", 60_000, 1, maxTimeout),
  /** An OpenAI-compatible endpoint for embeddings; null: the built-in hashing embedder. */
  embedUrl: Setting.url("EMBED_URL", "EMBED_KEY"),
  embedKey: Setting.secret("EMBED_KEY"),
  embedModel: Setting.optional("EMBED_MODEL"),
  /** Milliseconds until the vectors of one request have arrived. */
  embedTimeout: Setting.number("EMBED_TIMEOUT", 60_000, 1, maxTimeout),
  embedDimensions: Setting.number("EMBED_DIMENSIONS", 1536, 8, 8_192),
  /** A Qdrant server for vectors; null: the embedded index. */
  qdrantUrl: Setting.url("QDRANT_URL", "QDRANT_KEY"),
  qdrantKey: Setting.secret("QDRANT_KEY")
}

type SettingValues<S> = { readonly [K in keyof S]: S[K] extends Setting.Setting<infer A> ? A : never }

/** Each limit is a setting: `pingInterval` is `CHOIR_PING_INTERVAL`. */
const limitDefinitions = Object.fromEntries(
  Object.entries(defaults).map(([name, fallback]) => [
    name,
    Setting.number(name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(), fallback, 1, 1_000_000_000)
  ])
) as { readonly [K in keyof Limits]: Setting.Setting<number> }

/** All settings, checked. */
export type Settings = SettingValues<typeof settingDefinitions> & { readonly limits: Limits }

/** Every variable: its name, its default as text (empty for secrets) and what is allowed. */
export const settingsReference: ReadonlyArray<
  { readonly name: string; readonly defaultValue: string; readonly expected: string }
> = [
  ...Object.values(settingDefinitions),
  ...Object.values(limitDefinitions)
].map(({ expected, defaultValue, name }) => ({
  name,
  defaultValue: defaultValue === null ? "" : String(defaultValue),
  expected
}))

/** Variables of the `choir` command, which may be set in a server's environment too. */
const clientVariables = ["CHOIR_URL", "CHOIR_KEY_FILE"]

/** Reads all settings from an environment, or returns all faults. Empty values count as absent. */
export const parse = (
  env: Readonly<Record<string, string>>
): Result.Result<Settings, ReadonlyArray<string>> => {
  const faults: Array<string> = []
  const readAll = <S extends Readonly<Record<string, Setting.Setting<unknown>>>>(definitions: S): SettingValues<S> =>
    Object.fromEntries(
      Object.entries(definitions).map(([key, definition]) => [key, Setting.readSetting(env, definition, faults)])
    ) as SettingValues<S>

  const values: Settings = { ...readAll(settingDefinitions), limits: readAll(limitDefinitions) }
  const knownNames = new Set([...settingsReference.map(({ name }) => name), ...clientVariables])
  for (const name of Object.keys(env)) {
    if (!knownNames.has(name)) faults.push(`${name} is not a setting of Choir: check the spelling`)
  }
  faults.push(...checkCombinations(values))
  return faults.length === 0 ? Result.succeed(values) : Result.fail(faults)
}

/** Faults of settings that are valid each but not together. */
const checkCombinations = (all: Settings): ReadonlyArray<string> => {
  const { compression, host, socket, tlsCert, tlsKey } = all
  return [
    ...mayListen({ ...all, hasCertificate: tlsCert !== null }) ? [] : [
      `CHOIR_HOST=${
        JSON.stringify(host)
      } must be a loopback address, unless CHOIR_TLS_CERT and CHOIR_TLS_KEY name a certificate, ` +
      "CHOIR_TRUSTED_PROXIES names the TLS proxy in front, or CHOIR_INSECURE=1 allows plain HTTP on the network"
    ],
    ...(tlsCert === null) === (tlsKey === null) ? [] : [
      `CHOIR_TLS_${tlsCert === null ? "CERT" : "KEY"} is missing: a certificate and its key are needed together`
    ],
    ...!compression || socket === "ws"
      ? []
      : [`CHOIR_COMPRESSION=1 needs CHOIR_SOCKET=ws: ${socket} does not support compression`],
    ...checkEndpoint("LLM", all.llmUrl, all.llmKey, all.llmModel),
    ...checkEndpoint("EMBED", all.embedUrl, all.embedKey, all.embedModel)
  ]
}

/** A URL needs the name of a model; a key or a name without a URL would have no effect. */
const checkEndpoint = (
  prefix: string,
  url: string | null,
  key: Redacted.Redacted | null,
  model: string | null
): ReadonlyArray<string> => {
  if (url !== null) {
    return model === null ? [`CHOIR_${prefix}_MODEL is missing: CHOIR_${prefix}_URL needs the name of a model`] : []
  }
  const unused = [...key === null ? [] : [`CHOIR_${prefix}_KEY`], ...model === null ? [] : [`CHOIR_${prefix}_MODEL`]]
  return unused.length === 0
    ? []
    : [`CHOIR_${prefix}_URL is missing: without it ${unused.join(" and ")} would have no effect`]
}

/** Some of the settings, as values. */
export type PartialSettings = Partial<Omit<Settings, "limits">> & { readonly limits?: Partial<Limits> | undefined }

/** The settings with these values and defaults for all others, or all faults. Faults name the variables. */
export const make = ({ limits = {}, ...values }: PartialSettings): Result.Result<Settings, SettingsInvalid> => {
  const definitions: Readonly<Record<string, Setting.Setting<unknown>>> = { ...settingDefinitions, ...limitDefinitions }
  const env = Object.fromEntries(
    Object.entries({ ...values, ...limits }).map(([key, value]) => [
      definitions[key]?.name ?? key,
      Setting.toText(value)
    ])
  )
  return Result.mapError(parse(env), (faults) => new SettingsInvalid({ faults }))
}

/** The variables of the current `ConfigProvider`, by name: those of Choir, and others that begin with `CHOIR_`. */
const readEnvironment = Effect.gen(function*() {
  const provider = yield* ConfigProvider.ConfigProvider
  const variables: Record<string, string> = {}
  const visit = Effect.fnUntraced(
    function*(path: ConfigProvider.Path): Effect.fn.Return<void, ConfigProvider.SourceError> {
      const node = yield* provider.load(path)
      if (node === undefined) return
      if (node.value !== undefined) variables[path.join("_")] = node.value
      const children = node._tag === "Record"
        ? [...node.keys]
        : node._tag === "Array"
        ? [...Array(node.length).keys()]
        : []
      for (const child of children) yield* visit([...path, child])
    }
  )
  // A provider need not list its names, so this only finds unknown ones.
  yield* visit([prefix])
  const root = yield* provider.load([])
  for (const name of root?._tag === "Record" ? root.keys : []) if (name.startsWith(`${prefix}_`)) yield* visit([name])
  for (const { name } of settingsReference) {
    for (const path of spellings(name)) {
      const node = yield* provider.load(path)
      if (node?.value === undefined) continue
      variables[name] = node.value
      break
    }
  }
  return variables
})

const prefix = "CHOIR"

/** Where a provider may have a variable. */
const spellings = (name: string): ReadonlyArray<ConfigProvider.Path> => [
  [name],
  [prefix, name.slice(prefix.length + 1)],
  name.split("_")
]

/** Reads and checks all settings from the current `ConfigProvider`, or fails with all faults. */
export const load: Effect.Effect<Settings, SettingsInvalid> = readEnvironment.pipe(
  Effect.orDie,
  Effect.flatMap((env) => Effect.fromResult(parse(env))),
  Effect.mapError((faults) => new SettingsInvalid({ faults }))
)

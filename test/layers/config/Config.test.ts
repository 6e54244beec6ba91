import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted, Result } from "effect"
import { readFileSync } from "node:fs"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as Config from "../../../src/layers/config/Config.ts"

const faults = (env: Record<string, string>) => Result.getOrThrow(Result.flip(Config.parse(env)))

describe("settings", () => {
  it("[OPS10] without variables every setting has its default", () => {
    const settings = Result.getOrThrow(Config.parse({}))
    assert.deepInclude(settings, { host: "127.0.0.1", port: 4100, data: "./data", origins: [], insecure: false })
    assert.deepStrictEqual(settings.limits, defaults)
  })

  it("[OPS10] every fault names its variable, its value and what is allowed", () => {
    assert.deepStrictEqual(faults({ CHOIR_PORT: "70000", CHOIR_LOG_LEVEL: "loud", CHOIR_PING_INTERVAL: "-1" }), [
      `CHOIR_PORT="70000" must be a whole number from 0 to 65535`,
      `CHOIR_LOG_LEVEL="loud" must be one of Trace, Debug, Info, Warn, Error, Fatal`,
      `CHOIR_PING_INTERVAL="-1" must be a whole number from 1 to 1000000000`
    ])
  })

  it("[OPS10] an unknown name is a fault", () => {
    assert.deepStrictEqual(faults({ CHOIR_PROT: "1" }), [
      "CHOIR_PROT is not a setting of Choir: check the spelling"
    ])
  })

  it("[OPS10] [SEC33] a secret appears in no fault and in no text of the settings", () => {
    assert.notInclude(faults({ CHOIR_LLM_KEY: "canary\n" }).join("\n"), "canary")
    const { llmKey } = Result.getOrThrow(Config.parse({
      CHOIR_LLM_KEY: "canary",
      CHOIR_LLM_MODEL: "any",
      CHOIR_LLM_URL: "https://llm.example"
    }))
    assert.notInclude(JSON.stringify(llmKey) + String(llmKey), "canary")
    assert.strictEqual(llmKey === null ? "" : Redacted.value(llmKey), "canary")
  })

  it.effect("[OPS10] the variables come from the config provider, nested names and numbers included", () =>
    Effect.gen(function*() {
      const settings = yield* Config.load
      assert.strictEqual(settings.port, 1234)
      assert.strictEqual(settings.limits.pingInterval, 7)
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({
      env: { CHOIR_PORT: "1234", CHOIR_PING_INTERVAL: "7", CHOIR_HOST: "", OTHER: "x" }
    })))))

  it.effect.each([
    { CHOIR_PORT: "1234", CHOIR_PING_INTERVAL: 7 },
    { CHOIR: { PORT: 1234, PING_INTERVAL: 7 } },
    { CHOIR: { PORT: 1234, PING: { INTERVAL: 7 } } }
  ])("[OPS10] the variables come from objects: %j", (root) =>
    Effect.gen(function*() {
      const objects = ConfigProvider.fromUnknown(root)
      const unlisted = ConfigProvider.make((path) =>
        path.length < 2 && path[0] !== "CHOIR_PORT" && path[0] !== "CHOIR_PING_INTERVAL"
          ? Effect.undefined
          : objects.load(path)
      )
      const emptyFirst = ConfigProvider.orElse(ConfigProvider.fromUnknown({ CHOIR_HOST: "::1", CHOIR: {} }), objects)
      for (const provider of [objects, unlisted, emptyFirst, ConfigProvider.constantCase(objects)]) {
        const { limits, port } = yield* Effect.provide(Config.load, ConfigProvider.layer(provider))
        assert.deepStrictEqual([port, limits.pingInterval], [1234, 7])
      }
    }))

  it.effect("[OPS10] an unknown name in an object is a fault", () =>
    Effect.gen(function*() {
      for (const root of [{ CHOIR_PROT: 1 }, { CHOIR: { PROT: 1 } }]) {
        const provider = ConfigProvider.layer(ConfigProvider.fromUnknown(root))
        const { faults } = yield* Effect.flip(Effect.provide(Config.load, provider))
        assert.deepStrictEqual(faults, ["CHOIR_PROT is not a setting of Choir: check the spelling"])
      }
    }))

  it("[OPS10] settings made of values pass the same checks as variables", () => {
    const values = { port: 0, origins: ["https://a.example", "https://b.example"], llmKey: Redacted.make("canary") }
    const invalid = Config.make({ ...values, port: 70_000.5, limits: { pingInterval: -1 } })
    assert.deepStrictEqual(Result.getOrThrow(Result.flip(invalid)).faults, [
      `CHOIR_PORT="70000.5" must be a whole number from 0 to 65535`,
      `CHOIR_PING_INTERVAL="-1" must be a whole number from 1 to 1000000000`,
      "CHOIR_LLM_URL is missing: without it CHOIR_LLM_KEY would have no effect"
    ])
    const settings = Result.getOrThrow(Config.make({ ...values, llmUrl: "http://llm", llmModel: "m", echo: true }))
    assert.deepInclude(settings, { port: 0, origins: values.origins, echo: true })
    assert.strictEqual(Redacted.value(settings.llmKey!), "canary")
    assert.deepStrictEqual(Result.getOrThrow(Config.make({ ...settings })), settings)
    assert.deepStrictEqual(Result.getOrThrow(Config.make({})), Result.getOrThrow(Config.parse({})))
  })

  it("[OPS10] the README lists each variable once; those of limits follow from its rule for their names", () => {
    const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
    const rows = [...readme.matchAll(/^\| (`CHOIR_[^|]*) \|/gm)].flatMap(([, cell]) => cell!.match(/CHOIR_\w+/g) ?? [])
    const limits = Object.keys(defaults).map((name) => `CHOIR_${name.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`)
    const names = Config.settingsReference.map(({ name }) => name)
    assert.includeMembers(names, limits)
    assert.sameMembers(rows.filter((name) => !limits.includes(name)), names.filter((name) => !limits.includes(name)))
    assert.includeMembers(names, rows)
  })
})

describe("combinations and formats of settings", () => {
  it.each([
    [{ CHOIR_HOST: "0.0.0.0" }, 1],
    [{ CHOIR_HOST: "0.0.0.0", CHOIR_INSECURE: "1" }, 0],
    [{ CHOIR_HOST: "0.0.0.0", CHOIR_TRUSTED_PROXIES: "10.0.0.1" }, 0],
    [{ CHOIR_HOST: "0.0.0.0", CHOIR_TLS_CERT: "c.pem", CHOIR_TLS_KEY: "k.pem" }, 0],
    [{ CHOIR_TLS_CERT: "c.pem" }, 1],
    [{ CHOIR_TLS_KEY: "k.pem" }, 1],
    [{ CHOIR_HOST: "::1" }, 0],
    [{ CHOIR_HOST: "choir.example" }, 1]
  ])("[SEC39] [OPS10] %o has %i fault(s)", (env, count) => {
    const result = Config.parse(env as Record<string, string>)
    assert.strictEqual(Result.isFailure(result) ? result.failure.length : 0, count)
  })

  it.each([
    ["https://choir.example", true],
    ["https://choir.example,http://127.0.0.1:4100", true],
    ["https://choir.example/", false],
    ["choir.example", false],
    ["https://choir.example/path", false]
  ])("[AUT6] CHOIR_ORIGINS=%s is valid: %s", (CHOIR_ORIGINS, fine) => {
    assert.strictEqual(Result.isSuccess(Config.parse({ CHOIR_ORIGINS })), fine)
  })

  it.each([
    ["10.0.0.1,2001:db8::/32", true],
    ["10.0.0.0/8", true],
    ["10.0.0.1/8", false],
    ["10.0.0.1:4711", false],
    ["[2001:db8::1]", false],
    ["proxy.internal", false],
    ["10.0.0.1,", false]
  ])("[OPS9] [OPS10] CHOIR_TRUSTED_PROXIES=%s is valid: %s", (CHOIR_TRUSTED_PROXIES, fine) => {
    const result = Config.parse({ CHOIR_TRUSTED_PROXIES })
    assert.deepStrictEqual(
      Result.isFailure(result) ? result.failure : [],
      fine ? [] : [
        `CHOIR_TRUSTED_PROXIES="${CHOIR_TRUSTED_PROXIES}" must be a comma-separated list of IP addresses without a port, ` +
        "and ranges such as 10.0.0.0/8 whose bits after the prefix are zero"
      ]
    )
  })

  it.each([
    ["https://choir.example", true],
    ["http://127.0.0.1:4100", true],
    ["https://choir.example/", false],
    ["https://choir.example/path", false],
    ["wss://choir.example", false],
    ["choir.example", false]
  ])("[SEC3] CHOIR_AUDIENCE=%s is valid: %s", (CHOIR_AUDIENCE, fine) => {
    const result = Config.parse({ CHOIR_AUDIENCE })
    assert.strictEqual(Result.isSuccess(result), fine)
    if (Result.isFailure(result)) {
      assert.match(result.failure.join("\n"), /^CHOIR_AUDIENCE="\S+" must be an origin such as /)
    }
  })

  it.each(["LLM", "EMBED", "QDRANT"])("[OPS10] a fragment in the URL of %s is a fault, and a query is none", (part) => {
    const model = part === "QDRANT" ? {} : { [`CHOIR_${part}_MODEL`]: "any" }
    const parse = (url: string) => Config.parse({ [`CHOIR_${part}_URL`]: url, ...model })
    assert.isTrue(Result.isSuccess(parse("https://llm.example/v1?api-version=1")))
    for (const url of ["https://llm.example/v1#top", "https://llm.example/v1#"]) {
      assert.isTrue(Result.isFailure(parse(url)))
    }
  })

  it("[FLT14] [FLT15] [OPS10] the waits for models are settings of up to an hour", () => {
    const { embedTimeout, llmFirstTokenTimeout, llmIdleTimeout } = Result.getOrThrow(
      Config.parse({ CHOIR_LLM_FIRST_TOKEN_TIMEOUT: "3600000", CHOIR_LLM_IDLE_TIMEOUT: "1" })
    )
    assert.deepStrictEqual([llmFirstTokenTimeout, llmIdleTimeout, embedTimeout], [3_600_000, 1, 60_000])
    assert.lengthOf(faults({ CHOIR_LLM_IDLE_TIMEOUT: "0", CHOIR_EMBED_TIMEOUT: "3600001" }), 2)
  })

  it.each(
    ["LLM_URL", "EMBED_URL", "OTLP_URL", "QDRANT_URL", "AUDIENCE", "ORIGINS", "HOST", "TRUSTED_PROXIES"].flatMap((
      name
    ) =>
      ["http://alice:canary@host/v1", "https://canary@host", "//alice:canary@host", "http://a:can%61ry/canary@host"]
        .map((address) => [name, address] as const)
    )
  )("[SEC33] [OPS10] CHOIR_%s=%s is refused without being shown", (name, address) => {
    const found = faults({ [`CHOIR_${name}`]: address, CHOIR_LLM_MODEL: "m", CHOIR_EMBED_MODEL: "m" }).join("\n")
    assert.include(found, `CHOIR_${name}=(hidden) must be `)
    assert.notInclude(found, "canary")
    assert.notInclude(found, "alice")
  })

  it("[OPS10] [SEC33] the address of a Postgres server is checked, and shown in no fault and in no text of the settings", () => {
    for (
      const address of [
        "http://a:canary@b/c",
        "b:canary",
        "postgres://a:canary@b/c?sslmode=on",
        "postgres://a:canary@b:x"
      ]
    ) {
      assert.deepStrictEqual(faults({ CHOIR_POSTGRES_URL: address }), [
        "CHOIR_POSTGRES_URL=(hidden) must be an address such as " +
        "postgres://user:password@host:5432/database?sslmode=require"
      ])
    }
    const settings = Result.getOrThrow(
      Config.parse({ CHOIR_POSTGRES_URL: "postgres://a:canary@b/c?sslmode=verify-full" })
    )
    assert.notInclude(JSON.stringify(settings) + String(settings.postgresUrl), "canary")
  })

  it("[SEC33] these are all settings that take a URL", () => {
    const urls = Config.settingsReference.filter(({ expected }) => /\bURL\b/.test(expected)).map(({ name }) => name)
    assert.sameMembers(urls, ["CHOIR_LLM_URL", "CHOIR_EMBED_URL", "CHOIR_OTLP_URL", "CHOIR_QDRANT_URL"])
  })

  it.each(["LLM", "EMBED"])("[OPS10] a key or a model of %s without a URL is a fault", (part) => {
    assert.deepStrictEqual(faults({ [`CHOIR_${part}_KEY`]: "canary", [`CHOIR_${part}_MODEL`]: "any" }), [
      `CHOIR_${part}_URL is missing: without it CHOIR_${part}_KEY and CHOIR_${part}_MODEL would have no effect`
    ])
    assert.deepStrictEqual(faults({ [`CHOIR_${part}_URL`]: "https://llm.example" }), [
      `CHOIR_${part}_MODEL is missing: CHOIR_${part}_URL needs the name of a model`
    ])
  })

  it("[CON9] [OPS10] compression is off by default, and a fault for an engine without it", () => {
    assert.isFalse(Result.getOrThrow(Config.parse({})).compression)
    assert.isTrue(Result.getOrThrow(Config.parse({ CHOIR_COMPRESSION: "1" })).compression)
    for (const CHOIR_SOCKET of ["uws", "socketio"]) {
      assert.deepStrictEqual(faults({ CHOIR_COMPRESSION: "1", CHOIR_SOCKET }), [
        `CHOIR_COMPRESSION=1 needs CHOIR_SOCKET=ws: ${CHOIR_SOCKET} does not support compression`
      ])
    }
  })
})

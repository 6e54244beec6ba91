import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { env } from "node:process"
import * as VectorIndexQdrant from "../../../src/layers/vectorindex/VectorIndexQdrant.ts"
import { VectorIndex, type VectorIndexError } from "../../../src/services/VectorIndex.ts"
import { vectorIndexContract } from "../../contract/VectorIndex.ts"
import { makePoint, pointId, threadId } from "../../support/PointFixture.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import * as QdrantFake from "../../support/qdrant/QdrantFake.ts"

class Server extends Context.Service<Server, QdrantFake.QdrantFake>()(
  "choir/test/layers/vectorindex/VectorIndexQdrant.test/Server"
) {}

const fakeServer = Layer.effect(Server, QdrantFake.start)
const timeout = 5000
const onFakeServer = Layer.unwrap(Effect.map(Server, ({ url }) => VectorIndexQdrant.layer({ url, timeout }))).pipe(
  Layer.provideMerge(fakeServer)
)

layer(onFakeServer)("VectorIndex on the Qdrant fake", (it) => {
  vectorIndexContract(it, { runs: 10 })

  it.effect("[STO3] every exchange conforms to Qdrant's OpenAPI document", () =>
    Effect.gen(function*() {
      const { requests, violations } = yield* Server
      assert.isAbove(requests.length, 100)
      assert.deepStrictEqual(violations, [])
    }))

  it.effect("[STO3] every write waits until it is applied", () =>
    Effect.gen(function*() {
      const { requests } = yield* Server
      const writes = requests.filter(({ line }) => /points\/(batch|delete)|\/index/.test(line))
      assert.isAbove(writes.length, 0)
      for (const { line } of writes) assert.match(line, /wait=true/)
    }))
})

const url = env["QDRANT_URL"]
if (url !== undefined) {
  layer(VectorIndexQdrant.layer({ url, timeout }))(
    "VectorIndex on a Qdrant server",
    (it) => vectorIndexContract(it, { runs: 10 })
  )
} else {
  Prerequisite.describeWith(Prerequisite.qdrantServer(url), "VectorIndex on a Qdrant server", () => {
    it.skip("[STO3] passes the contract", () => {})
  })
}

/** A fake server, and an engine on it. */
const setup = Effect.fnUntraced(function*(options: Partial<VectorIndexQdrant.QdrantOptions> = {}) {
  const server = yield* QdrantFake.start
  const context = yield* Layer.build(VectorIndexQdrant.layer({ url: server.url, timeout, ...options }))
  const index = Context.get(context, VectorIndex)
  yield* index.ensure("c", { dimension: 2 })
  return { index, server } as const
})

const search = (index: VectorIndex["Service"]) => index.search("c", { vector: [1, 0], limit: 3, filter: {} })

const failure = <A>(effect: Effect.Effect<A, VectorIndexError>) => Effect.map(Effect.flip(effect), (error) => error)

const error = (message: string) => JSON.stringify({ status: { error: message }, time: 0 })

const faults: ReadonlyArray<
  {
    readonly name: string
    readonly fault: QdrantFake.InjectedFault
    readonly reason: string
    readonly retryable: boolean
  }
> = [
  {
    name: "503",
    fault: { _tag: "Answer", status: 503, body: error("starting") },
    reason: "Unreachable",
    retryable: true
  },
  {
    name: "500",
    fault: { _tag: "Answer", status: 500, body: error("Service internal error") },
    reason: "Unreachable",
    retryable: true
  },
  {
    name: "500 for a time limit of its own",
    fault: { _tag: "Answer", status: 500, body: error("Timeout error: Operation 'Search' timed out") },
    reason: "TimedOut",
    retryable: true
  },
  {
    name: "408",
    fault: { _tag: "Answer", status: 408, body: error("timeout") },
    reason: "TimedOut",
    retryable: true
  },
  {
    name: "429 without a time",
    fault: { _tag: "Answer", status: 429, body: error("rate limit") },
    reason: "Overloaded",
    retryable: true
  },
  {
    name: "401 in plain text",
    fault: {
      _tag: "Answer",
      status: 401,
      body: "Must provide an API key",
      headers: { "content-type": "text/plain" }
    },
    reason: "BadRequest",
    retryable: false
  },
  {
    name: "507",
    fault: { _tag: "Answer", status: 507, body: error("quota") },
    reason: "BadRequest",
    retryable: false
  },
  {
    name: "404 of a proxy",
    fault: { _tag: "Answer", status: 404, body: "<html>", headers: { "content-type": "text/html" } },
    reason: "BadRequest",
    retryable: false
  },
  {
    name: "a body that is no JSON",
    fault: { _tag: "Answer", status: 200, body: "<html>" },
    reason: "MalformedResponse",
    retryable: true
  },
  {
    name: "a body cut short",
    fault: { _tag: "Answer", status: 200, body: "{\"result\":{\"points\":[" },
    reason: "MalformedResponse",
    retryable: true
  },
  {
    name: "a body of another shape",
    fault: { _tag: "Answer", status: 200, body: "{\"result\":{\"points\":[{}]}}" },
    reason: "MalformedResponse",
    retryable: true
  },
  {
    name: "202",
    fault: { _tag: "Answer", status: 202, body: "{\"status\":\"accepted\"}" },
    reason: "MalformedResponse",
    retryable: true
  },
  { name: "a dropped connection", fault: { _tag: "Drop" }, reason: "Unreachable", retryable: true }
]

describe("VectorIndexQdrant: errors", () => {
  it.effect.each(faults)(
    "[FLT13] $name is a typed error, and the next call succeeds",
    ({ fault, reason, retryable }) =>
      Effect.gen(function*() {
        const { index, server } = yield* setup()
        server.injectFault = (line) => (line.includes("query") ? fault : undefined)
        const failed = yield* failure(search(index))
        assert.deepStrictEqual([failed.reason._tag, failed.retryable], [reason, retryable])
        server.injectFault = () => undefined
        assert.deepStrictEqual(yield* search(index), [])
      })
  )
})

describe("VectorIndexQdrant: connections and requests", () => {
  it.live("[FLT13] a call to a server that never responds times out", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup({ timeout: 2_000 })
      server.injectFault = () => ({ _tag: "Hang" })
      const failed = yield* failure(search(index))
      assert.strictEqual(failed.reason._tag, "TimedOut")
    }).pipe(Effect.scoped))

  it.effect("[FLT13] a closed port is a typed error", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(VectorIndexQdrant.layer({ url: "http://127.0.0.1:1", timeout }))
      const failed = yield* failure(search(Context.get(context, VectorIndex)))
      assert.deepStrictEqual([failed.reason._tag, failed.retryable], ["Unreachable", true])
    }))

  it.effect("[FLT13] Retry-After is read in full, not its first digit", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup()
      server.injectFault = () => ({
        _tag: "Answer",
        status: 429,
        body: error("slow down"),
        headers: { "retry-after": "57" }
      })
      const { reason } = yield* failure(search(index))
      assert.isTrue(reason._tag === "Overloaded" && reason.retry_after_ms === 57_000)
    }))

  it.effect("[FLT13] a write that was only acknowledged is an error, so that it is repeated", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup()
      const result = [{ operation_id: 1, status: "wait_timeout" }]
      server.injectFault = (line) =>
        line.includes("batch")
          ? { _tag: "Answer", status: 200, body: JSON.stringify({ result, status: "ok", time: 0 }) }
          : undefined
      const failed = yield* failure(index.upsert("c", [makePoint(1, [1, 0])]))
      assert.deepStrictEqual([failed.reason._tag, failed.retryable], ["TimedOut", true])
      server.injectFault = () => undefined
      yield* index.upsert("c", [makePoint(1, [1, 0])])
      assert.strictEqual(yield* index.count("c"), 1)
    }))

  it.effect("[FLT13] a lost collection is a typed error, and can be created with another dimension", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup()
      server.dropCollection("c")
      assert.strictEqual((yield* failure(search(index))).reason._tag, "CollectionMissing")
      yield* index.ensure("c", { dimension: 3 })
      yield* index.upsert("c", [makePoint(1, [1, 0, 0])])
      assert.strictEqual(yield* index.count("c"), 1)
    }))

  it.effect("[STO3] the URL's path is kept, and the API key sent", () =>
    Effect.gen(function*() {
      const { server } = yield* setup()
      const options = { url: `${server.url}/behind/a/proxy/`, timeout, apiKey: Redacted.make("sesame") }
      const context = yield* Layer.build(VectorIndexQdrant.layer(options))
      yield* Context.get(context, VectorIndex).count("c")
      const last = server.requests.at(-1)
      assert.strictEqual(last?.line, "POST /behind/a/proxy/collections/c/points/count")
      assert.strictEqual(last?.headers["api-key"], "sesame")
    }))

  it.effect("[STO3] no filter has an empty `should`, and indexes are created once", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup()
      yield* index.upsert("c", [makePoint(1, [1, 0], { visibility: "members", thread: threadId("x") })])
      const hits = yield* index.search("c", { vector: [1, 0], limit: 3, filter: { readable: [] } })
      assert.deepStrictEqual(hits, [])
      yield* index.ensure("c", { dimension: 2 })
      const made = server.requests.filter(({ line }) => line.includes("/index"))
      assert.strictEqual(made.length, 4)
      assert.deepStrictEqual((yield* index.get("c", [pointId(1)])).length, 1)
    }))
})

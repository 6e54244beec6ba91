import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { env } from "node:process"
import * as VectorIndexQdrant from "../../../src/layers/vectorindex/VectorIndexQdrant.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
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
Prerequisite.describeWith(
  Prerequisite.qdrantServer(url),
  "VectorIndex on a Qdrant server",
  () => layer(VectorIndexQdrant.layer({ url: url ?? "", timeout }))((it) => vectorIndexContract(it, { runs: 10 }))
)

/** A fake server, and an engine on it. */
const setup = Effect.fnUntraced(function*(options: Partial<VectorIndexQdrant.QdrantOptions> = {}) {
  const server = yield* QdrantFake.start
  const context = yield* Layer.build(VectorIndexQdrant.layer({ url: server.url, timeout, ...options }))
  const index = Context.get(context, VectorIndex)
  yield* index.ensure("c", { dimension: 2 })
  return { index, server } as const
})

const search = (index: VectorIndex["Service"]) => index.search("c", { vector: [1, 0], limit: 3, filter: {} })

const error = (message: string) => JSON.stringify({ status: { error: message }, time: 0 })

const answer = (status: number, body: string, headers = {}): QdrantFake.InjectedFault => ({
  _tag: "Answer",
  status,
  body,
  headers
})

const faults: ReadonlyArray<
  readonly [name: string, fault: QdrantFake.InjectedFault, reason: string, retryable: boolean]
> = [
  ["503", answer(503, error("starting")), "Unreachable", true],
  ["500", answer(500, error("Service internal error")), "Unreachable", true],
  [
    "500 for a time limit of its own",
    answer(500, error("Timeout error: Operation 'Search' timed out")),
    "TimedOut",
    true
  ],
  ["408", answer(408, error("timeout")), "TimedOut", true],
  ["429 without a time", answer(429, error("rate limit")), "Overloaded", true],
  [
    "401 in plain text",
    answer(401, "Must provide an API key", { "content-type": "text/plain" }),
    "BadRequest",
    false
  ],
  ["507", answer(507, error("quota")), "BadRequest", false],
  ["404 of a proxy", answer(404, "<html>", { "content-type": "text/html" }), "BadRequest", false],
  ["a body that is no JSON", answer(200, "<html>"), "MalformedResponse", true],
  ["a body cut short", answer(200, "{\"result\":{\"points\":["), "MalformedResponse", true],
  ["a body of another shape", answer(200, "{\"result\":{\"points\":[{}]}}"), "MalformedResponse", true],
  ["202", answer(202, "{\"status\":\"accepted\"}"), "MalformedResponse", true],
  ["a dropped connection", { _tag: "Drop" }, "Unreachable", true]
]

describe("VectorIndexQdrant: errors", () => {
  it.effect.each(faults)(
    "[FLT13] %s is a typed error, and the next call succeeds",
    ([, fault, reason, retryable]) =>
      Effect.gen(function*() {
        const { index, server } = yield* setup()
        server.injectFault = (line) => (line.includes("query") ? fault : undefined)
        const failed = yield* Effect.flip(search(index))
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
      const failed = yield* Effect.flip(search(index))
      assert.strictEqual(failed.reason._tag, "TimedOut")
    }).pipe(Effect.scoped))

  it.effect("[FLT13] a closed port is a typed error", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(VectorIndexQdrant.layer({ url: "http://127.0.0.1:1", timeout }))
      const failed = yield* Effect.flip(search(Context.get(context, VectorIndex)))
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
      const { reason } = yield* Effect.flip(search(index))
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
      const failed = yield* Effect.flip(index.upsert("c", [makePoint(1, [1, 0])]))
      assert.deepStrictEqual([failed.reason._tag, failed.retryable], ["TimedOut", true])
      server.injectFault = () => undefined
      yield* index.upsert("c", [makePoint(1, [1, 0])])
      assert.strictEqual(yield* index.count("c"), 1)
    }))

  it.effect("[FLT13] a lost collection is a typed error, and can be created with another dimension", () =>
    Effect.gen(function*() {
      const { index, server } = yield* setup()
      server.dropCollection("c")
      assert.strictEqual((yield* Effect.flip(search(index))).reason._tag, "CollectionMissing")
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

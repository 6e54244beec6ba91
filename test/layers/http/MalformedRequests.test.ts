/** Whatever a request asks for, no route answers that the server failed. */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Context, Effect, Layer, Redacted, Ref, Schema } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as HttpApp from "../../../src/layers/http/HttpApp.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as SseRoute from "../../../src/layers/http/SseRoute.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import * as SessionsMemory from "../../../src/layers/sessions/SessionsMemory.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Sessions } from "../../../src/services/Sessions.ts"
import * as RawSocket from "../../support/RawSocket.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

class LiveServer extends Context.Service<LiveServer, { readonly url: string; readonly token: string }>()(
  "choir/test/layers/http/MalformedRequests.test/LiveServer"
) {}

const services = TopicsLocal.layer().pipe(
  Layer.provideMerge(IntentHandlersLive.layer),
  Layer.provideMerge(EventLogMemory.layer),
  Layer.provideMerge(Layer.succeed(Kinds, builtInKinds)),
  Layer.provideMerge(SessionsMemory.layer(defaults)),
  Layer.provideMerge(Readiness.layer),
  Layer.provideMerge(HttpListener.layer)
)

/** All routes over a built page. */
const liveServer = Layer.effect(
  LiveServer,
  Effect.gen(function*() {
    const webRoot = yield* temporaryFolder
    writeFileSync(join(webRoot, "index.html"), "<title>Choir</title>")
    mkdirSync(join(webRoot, "assets"))
    writeFileSync(join(webRoot, "assets", "app.js"), "1")
    const context = yield* Effect.context<Layer.Success<typeof services>>()
    yield* Layer.build(HttpApp.layer({
      webRoot,
      limits: defaults,
      trustedProxies: [],
      metrics: { access: "public", token: null },
      extraRoutes: Layer.provide(
        SseRoute.layer({ limits: defaults, trustedProxies: [] }),
        Layer.succeedContext(context)
      )
    }))
    yield* Ref.set(yield* Readiness.Readiness, true)
    const listener = yield* HttpListener.HttpListener
    yield* Effect.callback<void>((resume) => void listener.listen(0, "127.0.0.1", () => resume(Effect.void)))
    const { token } = yield* (yield* Sessions).open(makeTestUser().key)
    return {
      url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
      token: Redacted.value(token)
    }
  })
).pipe(Layer.provide(services))

/** The status of a request; undefined if the connection was closed without one. */
const statusOf = Effect.fnUntraced(
  function*(url: string, method: string, target: string, headers: ReadonlyArray<string>) {
    const socket = yield* RawSocket.connectTcp(url)
    return yield* Effect.callback<number | undefined>((resume) => {
      let text = ""
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1")
        const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]
        if (status !== undefined) resume(Effect.succeed(Number(status)))
      })
      socket.on("close", () => resume(Effect.undefined))
      socket.write(
        Buffer.from([`${method} ${target} HTTP/1.1`, ...headers, "Connection: close", "", ""].join("\r\n"), "latin1")
      )
    })
  },
  Effect.scoped
)

/** Pieces of paths, between spaces; the first one is empty. */
const segments =
  " . .. assets app.js index.html topics events thread:a ledger:main room:none health live metrics ws a.b % %00 %2e%2e " +
  "%2f %5c %zz %ff%fe %ed%a0%80 \u00e9 * :topic ~ con __proto__ constructor // \\ [ {} " +
  [256, 5_000].map((length) => "a".repeat(length)).join(" ")

/** Headers, between bars. TOKEN stands for a valid credential. */
const headers = "Accept: text/html|Accept: ,;q=x|Range: bytes=0-|Range: bytes=9-1|Range: bytes=-0,1-x|If-Range: W/x|" +
  "If-None-Match: \"|If-Match: *|If-Modified-Since: never|If-Unmodified-Since: Sat, 31 Feb 1970 99:00:00 GMT|" +
  "Authorization: Bearer|Authorization: Bearer none|Authorization: TOKEN|Last-Event-ID: x.-1|Last-Event-ID: .1e9|" +
  "Choir-Client-Id: x|Cookie: =;=|X-Forwarded-For: ,,|X-Forwarded-Proto: https|Accept-Encoding: x;q=2|" +
  "Traceparent: 00-0-0-0|B3: 0|Content-Type: multipart/form-data|Expect: 100-continue|Upgrade: h2c"

const oneOf = (values: ReadonlyArray<string>) => Schema.Literals(values)
const request = Schema.Struct({
  method: oneOf(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE", "PROPFIND"]),
  segments: Schema.Array(oneOf(segments.split(" "))).check(Schema.isMaxLength(4)),
  suffix: oneOf(["", "/", "?", "?a=%", "?a=%ff&a=1", "?%00", "#x", `?${"q=1&".repeat(500)}`]),
  headers: Schema.Array(oneOf(headers.split("|"))).check(Schema.isMaxLength(4))
})

layer(liveServer, { excludeTestServices: true })("a malformed request", (it) => {
  it.effect.each<readonly [what: string, target: string, status: number]>([
    ["a segment of 16,000 characters", `/${"a".repeat(16_000)}`, 404],
    ["a topic of 5,000 characters", `/topics/${"a".repeat(5_000)}/events`, 404],
    ["a path below a file", "/assets/app.js/x", 404],
    ["a path of 60,000 characters", `/${"a/".repeat(30_000)}`, 431]
  ])("[SEC22] for %s is answered as the client's fault", ([, target, status]) =>
    Effect.gen(function*() {
      const { url } = yield* LiveServer
      assert.strictEqual(yield* statusOf(url, "GET", target, ["Host: 127.0.0.1"]), status)
    }))

  it.effect.prop(
    "[SEC22] is never answered with a fault of the server",
    { request: Arbitrary.schema(request) },
    ({ request: { headers, method, segments, suffix } }) =>
      Effect.gen(function*() {
        const { token, url } = yield* LiveServer
        const target = `/${segments.join("/")}${suffix}`
        const lines = ["Host: 127.0.0.1", ...headers.map((line) => line.replace("TOKEN", `Bearer ${token}`))]
        const status = yield* statusOf(url, method, target, lines)
        if (status !== undefined) assert.isBelow(status, 500, JSON.stringify([method, target, lines]))
      }),
    { arbitrary: { runs: 400 } }
  )
})

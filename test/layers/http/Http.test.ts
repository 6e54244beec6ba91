import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import * as Http from "../../../src/layers/http/Http.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as Server from "../../../src/layers/http/Server.ts"
import { folder } from "../../support/ServerProcess.ts"

/** A listening server over a folder with a page in it. */
const serving = Effect.gen(function*() {
  const root = yield* folder
  writeFileSync(join(root, "index.html"), "<title>Choir</title>")
  mkdirSync(join(root, "assets"))
  writeFileSync(join(root, "assets", "app.js"), "1")
  writeFileSync(join(root, "..", "choir-secret.txt"), "secret")
  const context = yield* Layer.build(
    Http.layer({ webRoot: root, trustedProxies: ["127.0.0.1"], metrics: { access: "local", token: null } }).pipe(
      Layer.provideMerge(Readiness.layer),
      Layer.provideMerge(Server.layer)
    )
  )
  const { port } = yield* Effect.gen(function*() {
    const server = yield* Server.HttpListener
    yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    return server.address() as AddressInfo
  }).pipe(Effect.provide(context))
  const get = (path: string, init: RequestInit = {}) =>
    Effect.flatMap(
      Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`, init)),
      (response) => Effect.map(Effect.promise(() => response.text()), (text) => ({ response, text }))
    )
  return { get, context }
})

describe("HTTP", () => {
  it.effect("[OPS3] live at once, ready when somebody says so", () =>
    Effect.gen(function*() {
      const { context, get } = yield* serving
      assert.strictEqual((yield* get("/health/live")).response.status, 200)
      assert.strictEqual((yield* get("/health/ready")).response.status, 503)
      yield* Effect.flatMap(Readiness.Readiness, (ready) => Ref.set(ready, true)).pipe(Effect.provide(context))
      assert.strictEqual((yield* get("/health/ready")).response.status, 200)
    }))

  it.effect("[OPS1] the page, its files, and the page again for every other address", () =>
    Effect.gen(function*() {
      const { get } = yield* serving
      assert.include((yield* get("/")).text, "Choir")
      assert.strictEqual((yield* get("/assets/app.js")).text, "1")
      assert.include((yield* get("/t/thread:a", { headers: { accept: "text/html" } })).text, "Choir")
      assert.strictEqual((yield* get("/assets/none.js")).response.status, 404)
      for (const path of ["/..%2fchoir-secret.txt", "/%2e%2e/choir-secret.txt", "/assets/..%5c..%5cchoir-secret.txt"]) {
        assert.notInclude((yield* get(path)).text, "secret", path)
      }
    }))

  it.effect.each(["/", "/health/live", "/assets/none.js"])(
    "[SEC31] [SEC39] %s has strict headers",
    (path) =>
      Effect.gen(function*() {
        const { get } = yield* serving
        const { headers } = (yield* get(path)).response
        assert.include(headers.get("content-security-policy"), "default-src 'none'; script-src 'self'")
        assert.include(headers.get("content-security-policy"), "frame-ancestors 'none'")
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(headers.get("cross-origin-opener-policy"), "same-origin")
        assert.strictEqual(headers.get("cross-origin-resource-policy"), "same-origin")
        assert.isNull(headers.get("server"))
        assert.isNull(headers.get("x-powered-by"))
      })
  )
})

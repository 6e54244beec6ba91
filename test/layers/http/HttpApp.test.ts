import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { mkdirSync, writeFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as HttpApp from "../../../src/layers/http/HttpApp.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

const script = "console.log('Choir')\n".repeat(100)

/** A listening server over a folder with a page in it. */
const startHttpApp = Effect.fnUntraced(function*(extraRoutes?: HttpApp.HttpAppOptions["extraRoutes"]) {
  const root = yield* temporaryFolder
  writeFileSync(join(root, "index.html"), "<title>Choir</title>")
  mkdirSync(join(root, "assets"))
  writeFileSync(join(root, "assets", "app.js"), "1")
  writeFileSync(join(root, "assets", "index-BTytqabz.js"), script)
  writeFileSync(join(root, "..", "choir-secret.txt"), "secret")
  const context = yield* Layer.build(
    HttpApp.layer({
      webRoot: root,
      limits: defaults,
      trustedProxies: [],
      metrics: { access: "local", token: null },
      extraRoutes
    })
      .pipe(
        Layer.provideMerge(Readiness.layer),
        Layer.provideMerge(HttpListener.layer)
      )
  )
  const { port } = yield* Effect.gen(function*() {
    const server = yield* HttpListener.HttpListener
    yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    return server.address() as AddressInfo
  }).pipe(Effect.provide(context))
  const url = `http://127.0.0.1:${port}`
  const get = (path: string, init: RequestInit = {}) =>
    Effect.flatMap(
      Effect.promise(() => fetch(`${url}${path}`, init)),
      (response) => Effect.map(Effect.promise(() => response.text()), (text) => ({ response, text }))
    )
  return { get, context, url }
})

describe("HTTP", () => {
  it.effect("[OPS3] live is answered at once, ready once readiness is set", () =>
    Effect.gen(function*() {
      const { context, get } = yield* startHttpApp()
      assert.strictEqual((yield* get("/health/live")).response.status, 200)
      assert.strictEqual((yield* get("/health/ready")).response.status, 503)
      yield* Effect.flatMap(Readiness.Readiness, (ready) => Ref.set(ready, true)).pipe(Effect.provide(context))
      assert.strictEqual((yield* get("/health/ready")).response.status, 200)
    }))

  it.effect("[OPS1] the page and its files are served, and the page for every other path", () =>
    Effect.gen(function*() {
      const { get } = yield* startHttpApp()
      assert.include((yield* get("/")).text, "Choir")
      assert.strictEqual((yield* get("/assets/app.js")).text, "1")
      assert.include((yield* get("/t/thread:a", { headers: { accept: "text/html" } })).text, "Choir")
      assert.strictEqual((yield* get("/assets/none.js")).response.status, 404)
      for (const path of ["/..%2fchoir-secret.txt", "/%2e%2e/choir-secret.txt", "/assets/..%5c..%5cchoir-secret.txt"]) {
        assert.notInclude((yield* get(path)).text, "secret", path)
      }
    }))

  it.effect("an address without anything is answered to a browser with a page that leads home, to others with a line", () =>
    Effect.gen(function*() {
      const { get } = yield* startHttpApp()
      for (const init of [{}, { method: "DELETE" }]) {
        const browser = yield* get("/none.html", { ...init, headers: { accept: "text/html,*/*;q=0.8" } })
        assert.strictEqual(browser.response.status, 404)
        assert.include(browser.response.headers.get("content-type"), "text/html")
        assert.include(browser.text, "<a href=\"/\">")
        assert.notMatch(browser.text, /<script|<style|style=/)
        const program = yield* get("/none.html", init)
        assert.deepStrictEqual([program.response.status, program.text], [404, "Not found\n"])
      }
    }))

  it.effect("[OPS1] a file with a hash in its name is compressed for those who accept it, and cached for good", () =>
    Effect.gen(function*() {
      const { get } = yield* startHttpApp()
      const coding = (header: string) =>
        Effect.map(
          get("/assets/index-BTytqabz.js", { headers: { "accept-encoding": header } }),
          ({ response, text }) => {
            assert.strictEqual(text, script)
            assert.include(response.headers.get("content-type"), "text/javascript")
            assert.include(response.headers.get("cache-control"), "immutable")
            assert.strictEqual(response.headers.get("vary"), "accept-encoding")
            return response.headers.get("content-encoding")
          }
        )
      for (const header of ["gzip", "br, GZIP;q=0.5", "*"]) assert.strictEqual(yield* coding(header), "gzip", header)
      for (const header of ["identity", "gzip;q=0", "gzip;q=0.0, *", "br, gzip;q=x"]) {
        assert.isNull(yield* coding(header), header)
      }
      assert.strictEqual((yield* get("/assets/app.js")).response.headers.get("cache-control"), "no-cache")
    }))

  it.effect.each([
    { path: "/", status: 200 },
    { path: "/health/live", status: 200 },
    { path: "/health/ready", status: 503 },
    { path: "/metrics", status: 200 },
    { path: "/assets/none.js", status: 404 },
    { path: "/broken", status: 500 }
  ])(
    "[SEC31] [SEC39] $path ($status) has these headers and no others",
    ({ path, status }) =>
      Effect.gen(function*() {
        const { get } = yield* startHttpApp(HttpRouter.add("GET", "/broken", Effect.die("secret")))
        const { response, text } = yield* get(path)
        assert.strictEqual(response.status, status)
        assert.notInclude(text, "secret")
        const ofTheBody = new Set(
          ("date connection keep-alive content-length content-type transfer-encoding vary etag last-modified " +
            "accept-ranges cache-control").split(" ")
        )
        const headers = Object.fromEntries([...response.headers].filter(([name]) => !ofTheBody.has(name)))
        assert.deepStrictEqual(headers, {
          "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
            "connect-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; " +
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          "cross-origin-opener-policy": "same-origin",
          "cross-origin-resource-policy": "same-origin",
          "referrer-policy": "no-referrer",
          "x-content-type-options": "nosniff",
          "x-frame-options": "DENY"
        })
      })
  )
})

describe("request bodies", () => {
  it.effect("[SEC28] a body of more than 1 MiB is answered with 413, also an endless one", () =>
    Effect.gen(function*() {
      const { get, url } = yield* startHttpApp(
        HttpRouter.add(
          "POST",
          "/say",
          (request) => Effect.map(request.text, (text) => HttpServerResponse.text(String(text.length)))
        )
      )
      const post = (body: string) => get("/say", { method: "POST", body })
      assert.strictEqual((yield* post("x".repeat(defaults.bodyBytes))).text, String(defaults.bodyBytes))
      assert.strictEqual((yield* post("x".repeat(defaults.bodyBytes + 1))).response.status, 413)
      let pieces = 0
      const endless = new ReadableStream({
        pull: (controller) => {
          pieces += 1
          controller.enqueue(Buffer.alloc(65_536))
        }
      })
      const init = { method: "POST", body: endless, duplex: "half" } as RequestInit
      // A client that keeps sending is cut off, whether it has read the refusal or not.
      const refused = yield* Effect.result(Effect.tryPromise(() => fetch(`${url}/say`, init)))
      assert.isBelow(pieces, 200)
      if (refused._tag === "Success") assert.strictEqual(refused.success.status, 413)
    }))
})

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { request } from "node:https"
import { join } from "node:path"
import { connect, type TLSSocket } from "node:tls"
import * as Tls from "../../../src/layers/net/Tls.ts"
import { hasOpenSsl, makeCertificate } from "../../support/Certificate.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import * as Prerequisite from "../../support/Prerequisite.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../../support/TestUsers.ts"

const startTlsServer = Effect.fnUntraced(function*(env: Readonly<Record<string, string>> = {}) {
  const files = yield* makeCertificate()
  const url = yield* startInProcessServer({ CHOIR_TLS_CERT: files.cert, CHOIR_TLS_KEY: files.key, ...env })
  return { files, url, ca: readFileSync(files.cert) }
})

/** Status and headers. */
const get = (url: string, ca: Buffer, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<{ readonly status: number; readonly headers: NodeJS.Dict<string | Array<string>> }, string>(
    (resume) => {
      const outgoing = (url.startsWith("https:") ? request : httpRequest)(
        url,
        { ca, headers, agent: false },
        (response) => {
          response.resume()
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers }))
        }
      )
      outgoing.on("error", ({ message }) => resume(Effect.fail(message)))
      outgoing.end()
    }
  )

/** The serial number of the certificate that is shown now. */
const certificateSerial = (url: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<TLSSocket>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
      socket.once("secureConnect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.map((socket) => socket.getPeerCertificate().serialNumber))

Prerequisite.describeWith(Prerequisite.openSsl(hasOpenSsl), "TLS", () => {
  it.live("[OPS9] https and wss share the port, and HSTS is sent", () =>
    Effect.gen(function*() {
      const { ca, url } = yield* startTlsServer()
      assert.match(url, /^https:/)
      const { headers, status } = yield* get(`${url}/health/ready`, ca)
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["strict-transport-security"], "max-age=31536000")
      const client = yield* openClient(socketUrl(url), { ca, origin: url })
      const init = yield* signIn(client, makeTestUser())
      assert.strictEqual(init.type, "init")
    }).pipe(Effect.scoped))

  it.live("[OPS9] HSTS is not sent for localhost", () =>
    Effect.gen(function*() {
      const { ca, url } = yield* startTlsServer()
      const { headers } = yield* get(url.replace("127.0.0.1", "localhost"), ca)
      assert.isUndefined(headers["strict-transport-security"])
    }).pipe(Effect.scoped))

  it.live("[OPS9] [AUT6] plain HTTP is refused, and its origin is not the same origin", () =>
    Effect.gen(function*() {
      const { ca, url } = yield* startTlsServer()
      yield* Effect.flip(get(url.replace("https:", "http:"), ca))
      assert.strictEqual(
        yield* Effect.flip(openClient(socketUrl(url), { ca, origin: url.replace("https:", "http:") })),
        403
      )
    }).pipe(Effect.scoped))

  it.live("[OPS9] a renewed certificate is loaded on SIGHUP, an invalid one is ignored", () =>
    Effect.gen(function*() {
      const { files, url } = yield* startTlsServer()
      const before = yield* certificateSerial(url)
      writeFileSync(files.cert, "nothing")
      process.emit("SIGHUP")
      assert.strictEqual(yield* certificateSerial(url), before)
      const renewed = yield* makeCertificate()
      copyFileSync(renewed.key, files.key)
      copyFileSync(renewed.cert, files.cert)
      process.emit("SIGHUP")
      while ((yield* certificateSerial(url)) === before);
    }).pipe(Effect.scoped))

  it.effect("[OPS9] [OPS10] unusable certificate files are faults that name the setting and the reason", () =>
    Effect.gen(function*() {
      const at = yield* temporaryFolder
      const one = yield* makeCertificate()
      const other = yield* makeCertificate()
      const text = join(at, "text.pem")
      writeFileSync(text, "no certificate")
      const faults = (files: Tls.CertificateFiles) =>
        Effect.map(Effect.flip(Tls.readCertificate(files)), (fault) => fault.faults)
      const none = join(at, "none.pem")
      assert.deepStrictEqual(yield* faults({ cert: none, key: none }), [
        `CHOIR_TLS_CERT="${none}" cannot be read (NotFound)`,
        `CHOIR_TLS_KEY="${none}" cannot be read (NotFound)`
      ])
      assert.deepStrictEqual(yield* faults({ cert: text, key: one.key }), [
        `CHOIR_TLS_CERT="${text}" holds no PEM certificate`
      ])
      assert.deepStrictEqual(yield* faults({ cert: one.cert, key: text }), [
        `CHOIR_TLS_KEY="${text}" holds no PEM private key that can be used without a password`
      ])
      assert.deepStrictEqual(yield* faults({ cert: one.cert, key: other.key }), [
        `CHOIR_TLS_KEY="${other.key}" is not the key of the certificate in CHOIR_TLS_CERT`
      ])
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("a proxy that terminates TLS", () => {
  const secure = { "x-forwarded-proto": "https" }

  it.live("[OPS9] [AUT6] is honoured when it is trusted: the same origin is https, and HSTS is sent", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer({ CHOIR_TRUSTED_PROXIES: "127.0.0.1" })
      const { headers } = yield* get(url, Buffer.of(), secure)
      assert.isDefined(headers["strict-transport-security"])
      yield* openClient(socketUrl(url), { origin: url.replace("http:", "https:"), headers: secure })
      assert.strictEqual(yield* Effect.flip(openClient(socketUrl(url), { origin: url, headers: secure })), 403)
    }).pipe(Effect.scoped))

  it.live("[OPS9] [AUT6] is ignored when it is not trusted", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      const { headers } = yield* get(url, Buffer.of(), secure)
      assert.isUndefined(headers["strict-transport-security"])
      const origin = url.replace("http:", "https:")
      assert.strictEqual(yield* Effect.flip(openClient(socketUrl(url), { origin, headers: secure })), 403)
    }).pipe(Effect.scoped))
})

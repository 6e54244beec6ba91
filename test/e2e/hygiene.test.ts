/** What a real server says and keeps of words that were meant to harm it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { dirname } from "node:path"
import { connect, type SecureVersion } from "node:tls"
import { certificate, hasOpenSsl } from "../support/Certificate.ts"
import { holds, room } from "../support/Members.ts"
import { type Client, open, person, prove, type Received, signIn, uuid } from "../support/People.ts"
import { clean } from "../support/Refusals.ts"
import { folder, start } from "../support/ServerProcess.ts"
import { socketOf } from "../support/Whole.ts"

const main = "src/main.ts"

const enter = Effect.fnUntraced(function*(url: string) {
  const client = yield* open(socketOf(url))
  yield* signIn(client, person())
  return client
})

const said = Effect.fnUntraced(function*(client: Client, content: unknown, topic: string) {
  client.send("send_message", { content }, topic)
  return yield* client.nextOf("receipt")
})

/** Whole characters that are easily broken: of every length in UTF-8, joined, reversed, unseen, not normalised. */
const odd = [
  "",
  "\u0000\u0001\u001f\u007f\u0080\u009f",
  "\u07ff\u0800\uffff\ufffd\ufeff",
  "\u{10000}\u{10ffff}\u{1f469}\u200d\u{1f4bb}",
  "e\u0301 \u00e9 \u1e9b\u0323",
  "\u202eright to left\u202c \u2028 \u2029",
  "\\ \" / \b \f \n \r \t",
  "' OR 1=1; --"
]

describe("words", () => {
  it.live("[SEC18] come back from the disk byte by byte as they were sent", () =>
    Effect.gen(function*() {
      const data = yield* folder
      const topic = room("odd")
      const first = yield* start({ data, main })
      const writer = yield* enter(first.url)
      writer.send("join_room", {}, topic)
      yield* writer.nextOf("receipt")
      for (const text of odd) yield* said(writer, [text, { [text]: text }], topic)
      yield* first.end("SIGKILL")

      const second = yield* start({ data, main })
      const reader = yield* enter(second.url)
      reader.send("join_room", {}, topic)
      yield* reader.nextOf("receipt")
      reader.send("subscribe", {}, topic)
      const { state } = (yield* reader.nextOf("subscribed")).payload as {
        readonly state: { readonly posts: ReadonlyArray<{ readonly content: unknown }> }
      }
      assert.deepStrictEqual(state.posts.map(({ content }) => content), odd.map((text) => [text, { [text]: text }]))
    }))

  it.live("[SEC19] a process without __proto__ serves all the same", () =>
    Effect.gen(function*() {
      const server = yield* start({ data: yield* folder, main, nodeArgs: ["--disable-proto=throw"] })
      const client = yield* enter(server.url)
      const thread = `thread:${client.send("create_thread", { name: "Plain" })}`
      yield* client.nextOf("receipt")
      client.send("subscribe", {}, thread)
      yield* client.nextOf("subscribed")
      client.send("submit_prompt", { prompt: "What is there?" }, thread)
      for (;;) {
        const text = JSON.stringify((yield* client.nextOf("delta")).payload)
        assert.notInclude(text, "RunFailed")
        if (/"step":"yield"/i.test(text)) break
      }
      assert.strictEqual(yield* server.end("SIGTERM"), 0)
      assert.strictEqual(server.stderr(), "")
    }))
})

describe("errors", () => {
  it.live("[SEC22] of every class that a client can bring about have a code of the table and tell nothing more", () =>
    Effect.gen(function*() {
      const server = yield* start({ data: yield* folder, main, env: { CHOIR_MESSAGE_BURST: "12" } })
      const heard: Array<Received> = []
      const listen = (client: Client) =>
        client.ws.on("message", (data) => heard.push(JSON.parse(String(data)) as Received))
      const stranger = yield* open(socketOf(server.url))
      listen(stranger)
      stranger.send("get_user")
      yield* prove(stranger, person(), { twist: (challenge) => ({ ...challenge, nonce: "other" }) })
      const client = yield* enter(server.url)
      listen(client)
      const id = uuid()
      const thread = `thread:${id}`
      client.send("create_thread", { name: "Mine" }, undefined, { id })
      client.send("create_thread", { name: "Another" }, undefined, { id })
      client.send("divest", {}, thread)
      client.send("process_approval", { message_id: uuid(), decision: "approve" }, thread)
      client.send("submit_message", { content: "x", stake: 1e9 }, thread)
      client.send("cancel_run", { prompt_id: uuid() }, thread)
      client.send("submit_message", { content: "x" }, `thread:${uuid()}`)
      client.send("connect", { public_key: person().key })
      client.send("desync", { seq: 1, expected: "0".repeat(16), found: "1".repeat(16) }, thread)
      client.send("nonsense", {}, thread)
      client.ws.send("{\"garbage")
      client.ws.send(`{"id":"x","type":{},"payload":[]}`)
      client.send("signal", { key: "k", value: 1 }, "room:none")
      client.ws.send("[".repeat(30_000) + "]".repeat(30_000))
      const poor = yield* enter(server.url)
      listen(poor)
      poor.send("submit_message", { content: "x", stake: 10_001 }, thread)
      yield* poor.nextOf("error")
      for (let i = 0; i < 20; i++) client.send("submit_message", { content: "x" }, thread)
      const wanted = [
        "malformed",
        "unknown_type",
        "too_large",
        "unauthenticated",
        "auth_failed",
        "not_found",
        "forbidden",
        "rule_violated",
        "insufficient_funds",
        "id_conflict",
        "rate_limited"
      ]
      // What a topic has to be loaded for is answered when it is.
      yield* holds(() => wanted.every((code) => clean(heard).has(code)))
      yield* Effect.logInfo([...clean(heard)].join(" "))
    }))
})

interface Agreed {
  readonly version: string | null
  readonly cipher: string
  /** Of the certificate that was shown. */
  readonly serial: string
}

/** What is agreed on with who speaks that version only, and those ciphers of 1.2; undefined when there is nothing. */
const agreed = (
  url: string,
  version: SecureVersion,
  ciphers = "DEFAULT"
): Effect.Effect<Agreed | undefined, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      connect({
        port: Number(new URL(url).port),
        host: "127.0.0.1",
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        // As old clients have it.
        ciphers: `${ciphers}:@SECLEVEL=0`
      })
    ),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.flatMap((socket) =>
    Effect.callback((resume) => {
      socket.once("secureConnect", () => {
        const serial = socket.getPeerCertificate().serialNumber
        resume(Effect.succeed({ version: socket.getProtocol(), cipher: socket.getCipher().name, serial }))
      })
      socket.once("error", () => resume(Effect.undefined))
    })
  ))

/** Nothing is agreed on but TLS 1.3, and 1.2 with what keeps the past secret, and seals what it ciphers. */
const strong = Effect.fnUntraced(function*(url: string, sort: "ECDSA" | "RSA") {
  for (const version of ["TLSv1", "TLSv1.1"] as const) assert.isUndefined(yield* agreed(url, version))
  assert.strictEqual((yield* agreed(url, "TLSv1.3"))?.version, "TLSv1.3")
  const good = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((is) => `ECDHE-${sort}-${is}`)
  for (const cipher of good) assert.deepInclude(yield* agreed(url, "TLSv1.2", cipher), { version: "TLSv1.2", cipher })
  const rest = ["ALL", "COMPLEMENTOFALL", ...good.map((cipher) => `!${cipher}`)].join(":")
  assert.isUndefined(yield* agreed(url, "TLSv1.2", rest))
})

describe.runIf(hasOpenSsl)("TLS (skipped without openssl)", () => {
  it.live.each([{ key: "ec", sort: "ECDSA" }, { key: "rsa", sort: "RSA" }] as const)(
    "[SEC39] [OPS9] is spoken from 1.2 on, and without weak ciphers, also after a renewal ($sort)",
    ({ key, sort }) =>
      Effect.gen(function*() {
        const files = yield* certificate(undefined, key)
        const env = { CHOIR_TLS_CERT: files.cert, CHOIR_TLS_KEY: files.key }
        const { pid, url } = yield* start({ data: yield* folder, main, env })
        yield* strong(url, sort)
        const serial = Effect.map(agreed(url, "TLSv1.3"), (what) => what?.serial)
        const before = yield* serial
        yield* certificate(dirname(files.cert), key)
        process.kill(pid, "SIGHUP")
        yield* Effect.repeat(serial, { until: (now) => now !== before })
        yield* strong(url, sort)
      })
  )
})

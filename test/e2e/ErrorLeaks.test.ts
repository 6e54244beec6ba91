/** Hostile text, errors of every class, and TLS negotiation against a real server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { dirname } from "node:path"
import { connect, type SecureVersion } from "node:tls"
import { ErrorCode } from "../../src/domain/protocol/Rejection.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import type { Plain } from "../../src/domain/topic/SealedText.ts"
import { hasOpenSsl, makeCertificate } from "../support/Certificate.ts"
import { checkErrorLeaks } from "../support/ErrorLeakChecks.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { snapshotState } from "../support/Published.ts"
import { roomTopic, waitUntil } from "../support/RoomClients.ts"
import { testSalt } from "../support/SealedFixture.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import {
  answerChallenge,
  connectSignedIn,
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  uuid
} from "../support/TestUsers.ts"

const main = "src/main.ts"

const sendMessage = Effect.fnUntraced(function*(client: RawClient, content: unknown, topic: string) {
  client.send("send_message", { content }, topic)
  return yield* client.nextOf("receipt")
})

/** Well-formed strings that are easily broken: every UTF-8 length, joiners, bidi marks, separators, not normalised. */
const oddStrings = [
  "",
  "\u0000\u0001\u001f\u007f\u0080\u009f",
  "\u07ff\u0800\uffff\ufffd\ufeff",
  "\u{10000}\u{10ffff}\u{1f469}\u200d\u{1f4bb}",
  "e\u0301 \u00e9 \u1e9b\u0323",
  "\u202eright to left\u202c \u2028 \u2029",
  "\\ \" / \b \f \n \r \t",
  "' OR 1=1; --"
]

describe("hostile text", () => {
  it.live("[SEC18] is read back unchanged after a kill and a restart", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const topic = roomTopic("odd")
      const first = yield* startServer({ data, main })
      const writer = yield* connectSignedIn(socketUrl(first.url))
      writer.send("join_room", {}, topic)
      yield* writer.nextOf("receipt")
      for (const text of oddStrings) yield* sendMessage(writer, [text, { [text]: text }], topic)
      yield* first.stop("SIGKILL")

      const second = yield* startServer({ data, main })
      const reader = yield* connectSignedIn(socketUrl(second.url))
      reader.send("join_room", {}, topic)
      yield* reader.nextOf("receipt")
      reader.send("subscribe", {}, topic)
      const { messages } = snapshotState<Plain<RoomModel.State>>(yield* reader.nextOf("subscribed"))
      assert.deepStrictEqual(
        messages.map(({ content }): unknown => JSON.parse(content)),
        oddStrings.map((text) => [text, { [text]: text }])
      )
    }))

  it.live("[SEC19] the server works with --disable-proto=throw", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder, main, nodeArgs: ["--disable-proto=throw"] })
      const client = yield* connectSignedIn(socketUrl(server.url))
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
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
      assert.strictEqual(server.stderr(), "")
    }))
})

/** Codes that no client can cause alone: they need a fault, or a kind of a third party (`FaultErrors.test.ts`). */
const serverCodes = new Set<ErrorCode>(["unavailable", "internal", "state_desync"])

describe("errors", () => {
  it.live("[SEC22] of every class that a client can cause have a documented code and reveal nothing else", () =>
    Effect.gen(function*() {
      const env = { CHOIR_MESSAGE_BURST: "12", CHOIR_PROMPT_COST: "1", CHOIR_RUNS_PER_USER: "1" }
      const server = yield* startServer({ data: yield* temporaryFolder, main, env })
      const received: Array<ReceivedMessage> = []
      const listen = (client: RawClient) =>
        client.ws.on("message", (data) => received.push(JSON.parse(String(data)) as ReceivedMessage))
      const unauthenticated = yield* openClient(socketUrl(server.url))
      listen(unauthenticated)
      unauthenticated.send("get_user")
      yield* answerChallenge(unauthenticated, makeTestUser(), {
        tamper: (challenge) => ({ ...challenge, nonce: "other" })
      })
      const client = yield* connectSignedIn(socketUrl(server.url))
      listen(client)
      const id = uuid()
      const thread = `thread:${id}`
      client.send("create_thread", { name: "Mine" }, undefined, { id, salt: testSalt })
      client.send("create_thread", { name: "Another" }, undefined, { id, salt: testSalt })
      client.send("divest", {}, thread)
      client.send("process_approval", { message_id: uuid(), decision: "approve" }, thread)
      client.send("submit_message", { content: "x", stake: 1e9 }, thread)
      client.send("cancel_run", { prompt_id: uuid() }, thread)
      client.send("submit_message", { content: "x" }, `thread:${uuid()}`)
      client.send("connect", { public_key: makeTestUser().key })
      client.send("desync", { seq: 1, expected: "0".repeat(16), found: "1".repeat(16) }, thread)
      client.send("nonsense", {}, thread)
      client.ws.send("{\"garbage")
      client.ws.send(`{"id":"x","type":{},"payload":[]}`)
      client.send("signal", { key: "k", value: 1 }, "room:none")
      for (const prompt of ["one", "one too many"]) client.send("submit_prompt", { prompt }, thread)
      client.ws.send("[".repeat(30_000) + "]".repeat(30_000))
      const poor = yield* connectSignedIn(socketUrl(server.url))
      listen(poor)
      poor.send("submit_message", { content: "x", stake: 10_001 }, thread)
      yield* poor.nextOf("error")
      for (let i = 0; i < 20; i++) client.send("submit_message", { content: "x" }, thread)
      const expectedCodes = ErrorCode.literals.filter((code) => !serverCodes.has(code))
      // Commands to a topic are answered after it was loaded.
      yield* waitUntil(() => expectedCodes.every((code) => checkErrorLeaks(received).has(code)))
      yield* Effect.logInfo([...checkErrorLeaks(received)].join(" "))
    }))
})

interface TlsAgreement {
  readonly version: string | null
  readonly cipher: string
  /** Of the server's certificate. */
  readonly serial: string
}

/** Negotiates with one TLS version and, for 1.2, these ciphers; undefined when the handshake fails. */
const negotiateTls = (
  url: string,
  version: SecureVersion,
  ciphers = "DEFAULT"
): Effect.Effect<TlsAgreement | undefined, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      connect({
        port: Number(new URL(url).port),
        host: "127.0.0.1",
        rejectUnauthorized: false,
        minVersion: version,
        maxVersion: version,
        // Permits weak ciphers on the client's side.
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

/** Accepts only TLS 1.3, and TLS 1.2 with forward secrecy (ECDHE) and AEAD ciphers. */
const checkStrongTls = Effect.fnUntraced(function*(url: string, sort: "ECDSA" | "RSA") {
  for (const version of ["TLSv1", "TLSv1.1"] as const) assert.isUndefined(yield* negotiateTls(url, version))
  assert.strictEqual((yield* negotiateTls(url, "TLSv1.3"))?.version, "TLSv1.3")
  const good = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((is) => `ECDHE-${sort}-${is}`)
  for (const cipher of good) {
    assert.deepInclude(yield* negotiateTls(url, "TLSv1.2", cipher), { version: "TLSv1.2", cipher })
  }
  const rest = ["ALL", "COMPLEMENTOFALL", ...good.map((cipher) => `!${cipher}`)].join(":")
  assert.isUndefined(yield* negotiateTls(url, "TLSv1.2", rest))
})

Prerequisite.describeWith(Prerequisite.openSsl(hasOpenSsl), "TLS", () => {
  it.live.each([{ key: "ec", sort: "ECDSA" }, { key: "rsa", sort: "RSA" }] as const)(
    "[SEC39][OPS9] requires 1.2 and strong ciphers, also after a certificate reload ($sort)",
    ({ key, sort }) =>
      Effect.gen(function*() {
        const files = yield* makeCertificate(undefined, key)
        const env = { CHOIR_TLS_CERT: files.cert, CHOIR_TLS_KEY: files.key }
        const { pid, url } = yield* startServer({ data: yield* temporaryFolder, main, env })
        yield* checkStrongTls(url, sort)
        const serial = Effect.map(negotiateTls(url, "TLSv1.3"), (what) => what?.serial)
        const before = yield* serial
        yield* makeCertificate(dirname(files.cert), key)
        process.kill(pid, "SIGHUP")
        yield* Effect.repeat(serial, { until: (now) => now !== before })
        yield* checkStrongTls(url, sort)
      })
  )
})

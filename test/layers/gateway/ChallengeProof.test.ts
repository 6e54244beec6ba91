/** Keys without proof, replayed and forged signatures, with the figures of the threat table (SEC1 to SEC4, SEC8). */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { type Challenge, challengeSigningInput } from "../../../src/domain/protocol/Protocol.ts"
import { allMessages } from "../../support/AllMessages.ts"
import { malformedPoints, smallOrderPoints } from "../../support/SmallOrderPoints.ts"
import {
  answerChallenge,
  makeTestUser,
  openClient,
  type RawClient,
  signIn,
  startListening,
  type TestUser,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** Limits that allow a thousand tries, and no timeout. */
const limits = {
  connectionsPerAddress: 10_000,
  connectionsPerUser: 10_000,
  authPerMinute: 1_000_000,
  authBurst: 10_000,
  authFrames: 100,
  authTries: 1_000,
  authTimeout: 10_000_000,
  pingInterval: 10_000_000
}

const requestChallenge = (client: RawClient, { key }: TestUser) => {
  client.send("connect", { public_key: key })
  return Effect.map(client.nextOf("challenge"), ({ payload }) => payload as unknown as Challenge)
}

/** The reply to a signature. */
const attemptAuth = (client: RawClient, signature: string) => {
  client.send("auth", { signature })
  return client.next
}

/** A service whose calls are recorded. */
const recordCalls = <S extends object>(service: S, calls: Array<string>): S =>
  Object.fromEntries(
    Object.entries(service).map(([name, member]: [string, unknown]) => [
      name,
      typeof member === "function"
        ? (...args: ReadonlyArray<unknown>) => {
          calls.push(name)
          return Reflect.apply(member, service, args) as unknown
        }
        : member
    ])
  ) as S

describe("a key without proof", () => {
  it.effect("[SEC1] is served nothing, without a read of the log or the sessions", () => {
    const uses: Array<string> = []
    return Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* requestChallenge(client, makeTestUser())
      uses.length = 0
      for (const [type, payload, topic] of allMessages) {
        const ref_id = client.send(type, payload, topic)
        const answer = yield* client.next
        assert.strictEqual(answer.type, "error")
        assert.deepInclude(answer.payload, { code: "unauthenticated", ref_id }, type)
      }
      assert.deepStrictEqual(uses, [])
    }).pipe(Effect.provide(wsServerLayer({
      limits,
      log: (made) => recordCalls(made, uses),
      sessions: (made) => recordCalls(made, uses)
    })))
  })
})

describe("a signature that was used", () => {
  it.effect("[SEC2] is accepted in none of a thousand replays, on any connection", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const first = yield* openClient(url)
      const { answer, signature } = yield* answerChallenge(first, ada)
      assert.strictEqual(answer.type, "init")
      first.send("sign_out")
      yield* first.nextOf("signed_out")
      const refusals: Array<unknown> = []
      const replay = Effect.fnUntraced(function*(client: RawClient, of = signature) {
        refusals.push((yield* attemptAuth(client, of)).payload["code"])
      })
      // On the same connection: without a challenge, and with the next one.
      for (let i = 0; i < 40; i++) yield* replay(first)
      for (let i = 0; i < 20; i++) {
        yield* requestChallenge(first, ada)
        yield* replay(first)
      }
      // On other connections.
      for (let i = 0; i < 80; i++) {
        const other = yield* openClient(url)
        for (let j = 0; j < 8; j++) {
          if (j % 2 === 0) yield* requestChallenge(other, ada)
          yield* replay(other)
        }
      }
      // Twice at once: the second is none, whatever becomes of the first.
      for (let i = 0; i < 200; i++) {
        const client = yield* openClient(url)
        const twice = ada.sign(challengeSigningInput(yield* requestChallenge(client, ada), ada.key))
        client.send("auth", { signature: twice })
        client.send("auth", { signature: twice })
        refusals.push((yield* client.nextOf("error")).payload["code"])
        client.ws.terminate()
      }
      // Too late.
      const late = yield* Effect.replicateEffect(
        Effect.gen(function*() {
          const client = yield* openClient(url)
          return { client, signature: ada.sign(challengeSigningInput(yield* requestChallenge(client, ada), ada.key)) }
        }),
        100
      )
      yield* TestClock.adjust(defaults.challengeTtl)
      for (const { client, signature } of late) yield* replay(client, signature)
      assert.lengthOf(refusals, 1_000)
      assert.deepStrictEqual(new Set(refusals), new Set(["auth_failed"]))
    }).pipe(Effect.provide(wsServerLayer({ limits }))))
})

describe("a proof of something else", () => {
  it.effect("[SEC3] over another key or another text is rejected", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, eve] = [makeTestUser(), makeTestUser()]
      const texts: ReadonlyArray<(challenge: Challenge) => string> = [
        (challenge) => ada.sign(challengeSigningInput(challenge, eve.key)),
        (challenge) => eve.sign(challengeSigningInput(challenge, ada.key)),
        (challenge) => ada.sign(challengeSigningInput(challenge, ada.key).replace("ws-auth/v1", "ws-auth/v2")),
        (challenge) => ada.sign(challengeSigningInput(challenge, ada.key).split("\n").slice(1).join("\n")),
        (challenge) => ada.sign(`${challengeSigningInput(challenge, ada.key)}\n`)
      ]
      for (const sign of texts) {
        const client = yield* openClient(url)
        const answer = yield* attemptAuth(client, sign(yield* requestChallenge(client, ada)))
        assert.strictEqual(answer.payload["code"], "auth_failed")
      }
    }).pipe(Effect.provide(wsServerLayer({ limits }))))

  /** A field of a header or of a challenge: no line break. */
  const field = Arbitrary.schema(Schema.String).pipe(Arbitrary.map((text) => text.replaceAll("\n", "")))
  const time = Arbitrary.schema(Schema.Natural)
  const fields = Arbitrary.all({
    audience: field,
    origin: field,
    connection_id: field,
    nonce: field,
    issued_at: time,
    expires_at: time
  })
  it.prop("[SEC3] no two challenges have the same text", { fields, other: fields }, (
    { fields, other }
  ) => {
    const { key } = ada
    const { audience, connection_id, nonce, origin } = fields
    const moved = [
      other,
      { ...fields, audience: origin, origin: audience },
      { ...fields, connection_id: nonce, nonce: connection_id },
      { ...fields, audience: audience + origin, origin: "" },
      { ...fields, issued_at: fields.expires_at, expires_at: fields.issued_at }
    ]
    for (const one of moved) {
      const same = JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(fields).sort())
      assert.strictEqual(challengeSigningInput(one, key) === challengeSigningInput(fields, key), same)
    }
  })
})
const ada = makeTestUser()

const smallOrderKeys = [...smallOrderPoints, ...malformedPoints].map((hex) =>
  UserId.make(Buffer.from(hex, "hex").toString("base64url"))
)

/** The order of the group: adding it to the second half of a signature gives another one for the same text. */
const groupOrder = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n

const malleate = (signature: string): string => {
  const bytes = Buffer.from(signature, "base64url")
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32).toReversed()).toString("hex")}`) + groupOrder
  bytes.set(Buffer.from(s.toString(16).padStart(64, "0"), "hex").toReversed(), 32)
  return bytes.toString("base64url")
}

describe("a key of small order", () => {
  it.effect("[SEC4] is not challenged, and the universal signature is accepted for none", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      const identity = Buffer.alloc(64)
      identity[0] = 1
      for (const public_key of smallOrderKeys) {
        client.send("connect", { public_key })
        assert.strictEqual((yield* client.next).payload["code"], "auth_failed")
        assert.strictEqual((yield* attemptAuth(client, identity.toString("base64url"))).payload["code"], "auth_failed")
      }
    }).pipe(Effect.provide(wsServerLayer({ limits }))))

  it.effect("[SEC4] a malleated signature is rejected", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      const text = challengeSigningInput(yield* requestChallenge(client, ada), ada.key)
      assert.strictEqual((yield* attemptAuth(client, malleate(ada.sign(text)))).payload["code"], "auth_failed")
    }).pipe(Effect.provide(wsServerLayer({ limits }))))
})

describe("a foreign user id", () => {
  it.effect("[SEC8] is rejected in every message type, and nothing is written", () => {
    const uses: Array<string> = []
    return Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, makeTestUser())
      uses.length = 0
      for (const [type, payload, topic] of allMessages) {
        for (const field of ["author", "userId", "user_id", "from"]) {
          const foreign = { [field]: ada.key }
          const ids = [
            client.send(type, { ...payload, ...foreign }, topic),
            client.send(type, payload, topic, foreign as object)
          ]
          for (const ref_id of ids) {
            const answer = yield* client.next
            assert.strictEqual(answer.type, "error", type)
            assert.deepInclude(answer.payload, { code: "malformed", ref_id }, `${type} with ${field}`)
          }
        }
      }
      assert.notInclude(uses, "append")
    }).pipe(Effect.provide(wsServerLayer({
      limits: { ...limits, malformedFrames: 10_000, messagesPerMinute: 1e6, messageBurst: 1e4, readBurst: 1e4 },
      log: (made) => recordCalls(made, uses)
    })))
  })
})

describe("many connections of one key", () => {
  it.effect("[SEC24] sixteen are allowed, and the next is closed with 4504", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const clients = yield* Effect.replicateEffect(openClient(url), 17)
      for (const client of clients.slice(1)) assert.strictEqual((yield* signIn(client, ada)).type, "init")
      assert.deepInclude((yield* signIn(clients[0]!, ada)).payload, { code: closeCode.connectionLimit })
      assert.strictEqual(yield* clients[0]!.closed, closeCode.connectionLimit)
    }).pipe(Effect.provide(wsServerLayer())))
})

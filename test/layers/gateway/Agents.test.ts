import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Stream } from "effect"
import * as Client from "../../../src/client/Client.ts"
import type { ReceivedEvent } from "../../../src/client/ClientModel.ts"
import * as Keys from "../../../src/client/Keys.ts"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { ledgerKind } from "../../../src/domain/ledger/Ledger.ts"
import * as Ledger from "../../../src/domain/ledger/Ledger.ts"
import { mainLedger, userAccount } from "../../../src/domain/ledger/LedgerModel.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import type { Attestation } from "../../../src/domain/protocol/Principal.ts"
import { challengeSigningInput, type ServerMessageOf } from "../../../src/domain/protocol/Protocol.ts"
import * as SignedCommand from "../../../src/domain/protocol/SignedCommand.ts"
import { clockTolerance } from "../../../src/domain/session/Attestation.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { entryHash } from "../../../src/domain/topic/Log.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { signAttestation, testAudience } from "../../support/Attestations.ts"
import {
  connectSignedIn,
  makeTestUser,
  openClient,
  request,
  startListening,
  type TestUser,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** An attestation of an owner for an agent, valid for an hour, signed by `signer`. */
const attest = (owner: TestUser, agent: TestUser, more: Partial<Attestation> = {}, signer?: TestUser) =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => signAttestation(owner, agent, { issued_at: now, expires_at: now + 3_600_000, ...more }, signer)
  )

const makeIdentity = Effect.flatMap(Keys.generateSecret, Keys.fromSecret)

/** Signs in as `user` with an attestation; the answer of the server. */
const presentAttestation = Effect.fnUntraced(function*(url: string, user: TestUser, attestation: Attestation) {
  const client = yield* openClient(url)
  client.send("connect", { public_key: user.key, attestation })
  const challenge = (yield* client.next).payload as unknown as Omit<ServerMessageOf<"challenge">, "_tag">
  client.send("auth", { signature: user.sign(challengeSigningInput(challenge, user.key)) })
  return { ...client, answer: yield* client.next }
})

const signInAgent = Effect.fnUntraced(function*(url: string, user: TestUser, attestation: Attestation) {
  const client = yield* presentAttestation(url, user, attestation)
  assert.strictEqual(client.answer.type, "init", JSON.stringify(client.answer.payload))
  return client
})

/** The entries of a topic's log. */
const readLog = (topic: string) =>
  Effect.flatMap(EventLog, (log) => log.read(TopicId.make(topic), { after: 0, limit: 100 }))

const balanceOf = (user: TestUser) =>
  Effect.flatMap(Topics, (topics) => topics.stateOf(ledgerKind, mainLedger, "system:test")).pipe(
    Effect.map((ledger) => Ledger.balanceOf(ledger, userAccount(user.key)))
  )

describe("agents", () => {
  it.live("[AUT8] author what they do, shown as authorised by their owner, and spend the owner's tokens", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      const other = yield* connectSignedIn(url)
      const thread = `thread:${other.send("create_thread", { name: "Tea" })}`
      yield* other.nextOf("receipt")
      yield* connectSignedIn(url, owner)
      const attestation = yield* attest(owner, robot)
      const agent = yield* signInAgent(url, robot, attestation)
      assert.deepStrictEqual(agent.answer.payload["user"], { public_key: robot.key, balance: 10_000 })

      const submitted = agent.send("submit_message", { content: "Steep at 80 degrees.", stake: 1_500 }, thread)
      assert.strictEqual((yield* agent.nextOf("receipt")).payload["ref_id"], submitted)
      assert.strictEqual(yield* balanceOf(owner), 8_500)
      assert.strictEqual(yield* balanceOf(robot), 0)
      const escrowed = (yield* readLog(mainLedger)).find(({ cause }) => cause === submitted)
      assert.deepStrictEqual(escrowed?.principal, { agent: robot.key, attestation, owner: owner.key })

      yield* request(other, "subscribe", {}, thread)
      other.send("process_approval", { message_id: submitted, decision: "approve" }, thread)
      yield* other.nextOf("receipt")
      const reply = yield* request(agent, "submit_message", { content: "Two minutes." }, thread)
      assert.strictEqual(reply.type, "receipt")
      const last = (yield* readLog(thread)).at(-1)
      assert.deepStrictEqual(last?.principal, { agent: robot.key, attestation, owner: owner.key })
      assert.deepInclude(last?.event as object, { author: robot.key, owner: owner.key })
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8] with a forged, foreign, expired, revoked or another agent's attestation are not signed in", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot, thief] = [makeTestUser(), makeTestUser(), makeTestUser()]
      const now = yield* Clock.currentTimeMillis
      const valid = yield* attest(owner, robot)
      const faulty: ReadonlyArray<readonly [TestUser, Attestation]> = [
        [robot, yield* attest(owner, robot, {}, thief)],
        [robot, { ...valid, budget: 5 }],
        [robot, { ...valid, expires_at: valid.expires_at + 1 }],
        [robot, { ...valid, topics: ["thread:a"] }],
        [robot, { ...valid, signature: "x" }],
        [robot, yield* attest(owner, robot, { audience: "http://elsewhere.test" })],
        [robot, yield* attest(owner, robot, { expires_at: now })],
        [robot, yield* attest(owner, robot, { issued_at: now + 2 * clockTolerance })],
        [thief, valid],
        [owner, yield* attest(owner, owner)]
      ]
      for (const [user, attestation] of faulty) {
        const { answer, send, next } = yield* presentAttestation(url, user, attestation)
        assert.strictEqual(answer.payload["code"], "auth_failed", JSON.stringify(answer.payload))
        assert.strictEqual(answer.payload["rule"], "AUT8")
        send("create_thread", { name: "Not signed in" })
        assert.strictEqual((yield* next).payload["code"], "unauthenticated")
      }
      const person = yield* connectSignedIn(url, owner)
      assert.strictEqual(
        (yield* request(person, "revoke_agent", { agent: robot.key }, `user:${owner.key}`)).type,
        "receipt"
      )
      const { answer } = yield* presentAttestation(url, robot, valid)
      assert.strictEqual(answer.payload["rule"], "AUT8")
      const log = yield* readLog(`user:${owner.key}`)
      assert.deepStrictEqual(log.map(({ principal }) => principal), [{ person: owner.key }])
      const later = yield* attest(owner, robot, { issued_at: log[0]!.at + clockTolerance + 1 })
      yield* signInAgent(url, robot, later)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8] do only what their attestation covers, and nothing is stored of the rest", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      const person = yield* connectSignedIn(url, owner)
      const [first, second] = ["One", "Two"].map((name) => `thread:${person.send("create_thread", { name })}`)
      yield* person.nextOf("receipt")
      yield* person.nextOf("receipt")
      const attestation = yield* attest(owner, robot, { topics: [first!], commands: ["submit_message"], budget: 1_000 })
      const agent = yield* signInAgent(url, robot, attestation)
      const refused = [
        yield* request(agent, "submit_message", { content: "elsewhere" }, second),
        yield* request(agent, "submit_prompt", { prompt: "why?" }, first),
        yield* request(agent, "revoke_agent", { agent: robot.key }, `user:${owner.key}`),
        yield* request(agent, "submit_message", { content: "dear", stake: 1_001 }, first)
      ]
      assert.deepStrictEqual(
        refused.map(({ payload: { code, rule } }) => [code, rule]),
        [["forbidden", "AUT8"], ["forbidden", "AUT8"], ["forbidden", "AUT8"], ["insufficient_funds", "AUT8"]]
      )
      assert.strictEqual((yield* readLog(first!)).length, 1)
      assert.strictEqual((yield* readLog(second!)).length, 1)
      assert.strictEqual(yield* balanceOf(owner), 10_000)
      assert.strictEqual((yield* request(agent, "submit_message", { content: "fits" }, first)).type, "receipt")
      assert.strictEqual((yield* request(agent, "submit_message", { content: "more" }, first)).payload["rule"], "AUT8")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { messageBurst: 100 } }))))

  it.live("[AUT8, SEC7] are cut when their owner revokes them, and their later commands are refused", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot, second] = [makeTestUser(), makeTestUser(), makeTestUser()]
      const person = yield* connectSignedIn(url, owner)
      const agent = yield* signInAgent(url, robot, yield* attest(owner, robot))
      const another = yield* signInAgent(url, second, yield* attest(owner, second))
      const thread = `thread:${agent.send("create_thread", { name: "By an agent" })}`
      yield* agent.nextOf("receipt")
      person.send("revoke_agent", { agent: robot.key }, `user:${owner.key}`)
      yield* person.nextOf("receipt")
      agent.send("submit_message", { content: "too late" }, thread)
      assert.strictEqual(yield* Effect.timeout(agent.closed, 1_000), closeCode.forcedOut)
      assert.strictEqual((yield* readLog(thread)).length, 1)
      assert.strictEqual((yield* request(another, "get_user")).type, "user")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8] are refused each command after a revocation, also before their connection is cut", () => {
    // The event of the revocation is late: it never comes to the gateway.
    const topics = ({ subscribe }: Topics["Service"]): Partial<Topics["Service"]> => ({
      subscribe: (topic, subscriber, from, reply) =>
        subscribe(topic, topic.startsWith("user:") ? { ...subscriber, deliver: () => {} } : subscriber, from, reply)
    })
    return Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      const person = yield* connectSignedIn(url, owner)
      const agent = yield* signInAgent(url, robot, yield* attest(owner, robot))
      const thread = `thread:${agent.send("create_thread", { name: "By an agent" })}`
      yield* agent.nextOf("receipt")
      yield* request(person, "revoke_agent", { agent: robot.key }, `user:${owner.key}`)
      const unsigned = yield* request(agent, "submit_message", { content: "too late" }, thread)
      const signed = {
        audience: testAudience,
        command: { _tag: "close_thread" },
        owner: owner.key,
        timestamp: 0,
        topic: TopicId.make(thread)
      }
      const id = uuid()
      const signature = robot.sign(SignedCommand.signingInput(CommandId.make(id), signed))
      for (const { payload } of [unsigned, yield* request(agent, "close_thread", {}, thread, { id, signature })]) {
        assert.deepInclude(payload, { code: "auth_failed", rule: "AUT8" })
      }
      assert.strictEqual((yield* readLog(thread)).length, 1)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ topics })))
  })

  it.live("[AUT8] are refused once their attestation has expired", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      const expires_at = (yield* Clock.currentTimeMillis) + 200
      const agent = yield* signInAgent(url, robot, yield* attest(owner, robot, { expires_at }))
      const refused = yield* Effect.suspend(() => {
        const id = agent.send("heartbeat")
        return request(agent, "create_thread", { name: "Tea" }, `thread:${id}`)
      }).pipe(Effect.repeat({ until: ({ type }) => type === "error" }))
      assert.deepInclude(refused.payload, { code: "auth_failed", rule: "AUT8" })
      assert.isAtLeast(yield* Clock.currentTimeMillis, expires_at)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { messageBurst: 100_000 } }))))

  it.live("[AUT8] resume as agents with their attestation only; their token alone is of their own key", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      yield* connectSignedIn(url, owner)
      const attestation = yield* attest(owner, robot)
      const { session_token } = (yield* signInAgent(url, robot, attestation)).answer.payload
      const again = yield* openClient(url)
      again.send("resume", { session_token, attestation })
      assert.strictEqual(((yield* again.next).payload["user"] as { readonly balance: number }).balance, 10_000)
      const bare = yield* openClient(url)
      bare.send("resume", { session_token })
      assert.strictEqual((yield* bare.next).type, "init")
      const thread = `thread:${bare.send("create_thread", { name: "As a person" })}`
      yield* bare.nextOf("receipt")
      assert.deepStrictEqual((yield* readLog(thread))[0]?.principal, { person: robot.key })

      const [stranger, other] = [makeTestUser(), makeTestUser()]
      const foreign = yield* openClient(url)
      foreign.send("resume", { session_token, attestation: yield* attest(stranger, other) })
      assert.strictEqual((yield* foreign.next).payload["rule"], "AUT8")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8][AUT5][TOP5] sign in by the client library, sign their commands, and their events verify in it", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ownerKey, agentKey] = yield* Effect.all([makeIdentity, makeIdentity])
      const now = yield* Clock.currentTimeMillis
      const attestation = yield* Keys.attest(ownerKey, {
        agent: agentKey.publicKey,
        audience: testAudience,
        expires_at: now + 3_600_000,
        topics: ["thread:*"]
      })
      const options = { url: url.replace(/\/ws$/u, ""), kinds: [threadKind], checkAudience: false }
      const agent = yield* Client.make({ ...options, identity: agentKey, attestation, signCommands: true })
      const id = TopicId.make(`thread:${Client.commandId()}`)
      yield* agent.topic(threadKind, id).send({ _tag: "create_thread", name: "Tea", require_signatures: true })

      const reader = yield* Client.make({ ...options, identity: ownerKey })
      const thread = reader.topic(threadKind, id)
      const received: Array<ReceivedEvent> = []
      yield* Effect.acquireRelease(
        Effect.sync(() => thread.onEvents((events) => received.push(...events))),
        (unsubscribe) => Effect.sync(unsubscribe)
      )
      const awaitSeq = (seq: number) =>
        thread.views.pipe(
          Stream.filter(({ position }) => (position?.seq ?? 0) >= seq),
          Stream.take(1),
          Stream.runDrain
        )
      yield* awaitSeq(1)
      // A client verifies each sixteenth event, and takes none from there on that does not fit.
      const receipts = yield* Effect.forEach(
        Array.from({ length: 20 }),
        (_, n) => agent.topic(threadKind, id).send({ _tag: "submit_message", content: `Cup ${n}.` }),
        { concurrency: 20 }
      )
      yield* awaitSeq(Math.max(...receipts.map(({ seq }) => seq)))
      assert.deepStrictEqual(received.map(({ seq }) => seq), Array.from({ length: 20 }, (_, n) => n + 2))
      assert.strictEqual(thread.view()?.hashCheck.mismatches, 0)

      const entries = yield* readLog(id)
      const principal = { agent: agentKey.publicKey, attestation, owner: ownerKey.publicKey }
      for (const entry of entries) assert.deepStrictEqual(entry.principal, principal)
      assert.deepStrictEqual(received.map(({ hash }) => hash), entries.slice(1).map(({ hash }) => hash))
      assert.deepStrictEqual(
        received.map(({ principal }) => principal),
        entries.slice(1).map(({ principal }) => principal)
      )
      assert.isTrue(entries.every(({ signature }) => signature?.owner === ownerKey.publicKey))
      const forged = { ...entries.at(-1)!, principal: { ...principal, owner: agentKey.publicKey } }
      assert.notStrictEqual(entryHash(sha256, forged), forged.hash)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { messageBurst: 100 } }))))

  it.live("[AUT8][AUT5] sign for one owner: the signature proves nothing for another one, nor for none", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, other, robot] = [makeTestUser(), makeTestUser(), makeTestUser()]
      const person = yield* connectSignedIn(url, owner)
      const id = person.send("create_thread", { name: "One" })
      const topic = TopicId.make(`thread:${id}`)
      yield* person.nextOf("receipt")
      yield* request(person, "invite_co_author", { user: robot.key }, topic)
      const agent = yield* signInAgent(url, robot, yield* attest(owner, robot))
      const divest = Effect.fnUntraced(function*(signedFor: object) {
        const id = CommandId.make(uuid())
        const fields = { audience: testAudience, command: { _tag: "divest" }, timestamp: 0, topic, ...signedFor }
        agent.send("divest", {}, topic, { id, signature: robot.sign(SignedCommand.signingInput(id, fields)) })
        return (yield* agent.next).payload
      })
      for (const signedFor of [{ owner: other.key }, { owner: robot.key }, {}]) {
        assert.deepInclude(yield* divest(signedFor), { code: "auth_failed", rule: "AUT5" })
      }
      assert.property(yield* divest({ owner: owner.key }), "seq")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT8, CON7] draw on the rate limits of their owner", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      const person = yield* connectSignedIn(url, owner)
      const agent = yield* signInAgent(url, robot, yield* attest(owner, robot))
      for (const client of [person, agent]) {
        assert.strictEqual(
          (yield* request(client, "create_thread", { name: "One" }, `thread:${client.send("heartbeat")}`)).type,
          "receipt"
        )
      }
      for (const client of [agent, person]) {
        const refused = yield* request(client, "create_thread", { name: "Three" }, `thread:${client.send("heartbeat")}`)
        assert.strictEqual(refused.payload["code"], "rate_limited")
      }
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { messageBurst: 2, messagesPerMinute: 1 } }))))

  it.live("[AUT8, SEC24] count among the connections of their owner", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [owner, robot] = [makeTestUser(), makeTestUser()]
      yield* connectSignedIn(url, owner)
      yield* signInAgent(url, robot, yield* attest(owner, robot))
      const client = yield* openClient(url)
      client.send("connect", { public_key: owner.key })
      const challenge = (yield* client.next).payload as unknown as Omit<ServerMessageOf<"challenge">, "_tag">
      client.send("auth", { signature: owner.sign(challengeSigningInput(challenge, owner.key)) })
      assert.strictEqual(yield* client.closed, closeCode.connectionLimit)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { connectionsPerUser: 2 } }))))
})

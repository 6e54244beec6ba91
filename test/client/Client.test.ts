/** The shell around the machine: a real socket, a real key, the three faces of a topic. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, References, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { createPublicKey, verify } from "node:crypto"
import { type WebSocket, WebSocketServer } from "ws"
import { Client, type ClientError, type ClientModel, Keys } from "../../src/client/index.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { challengeSigningInput, type ServerMessageOf } from "../../src/domain/protocol/Protocol.ts"
import * as SignedCommand from "../../src/domain/protocol/SignedCommand.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as Room from "../../src/domain/room/RoomModel.ts"
import { otherUser, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

/** The scripted server behind a real port. `sockets` are those that are open. */
const listen = (server: ScriptedServer) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly sockets: Set<WebSocket>; readonly close: () => void }>(
      (resume) => {
        const sockets = new Set<WebSocket>()
        const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/ws" })
        wss.on("connection", (socket) => {
          server.resetConnection()
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
          socket.on("message", (data: Buffer) => {
            server.now += 1
            server.handleMessage(JSON.parse(data.toString()) as ClientModel.OutgoingMessage)
            for (const frame of server.toClient.splice(0)) socket.send(JSON.stringify(frame))
          })
        })
        wss.on("listening", () => {
          const address = wss.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, sockets, close: () => wss.close() }))
        })
      }
    ),
    ({ close, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.terminate()
        close()
      })
  )

const postContents = (view: Client.View<Room.State>): ReadonlyArray<unknown> =>
  view.confirmed.posts.map((post) => post.content)

const connectClient: Effect.Effect<
  {
    readonly server: ScriptedServer
    readonly sockets: Set<WebSocket>
    readonly client: Client.Client
    readonly lobby: Client.Topic<Room.State, Room.Command>
  },
  ClientError,
  Scope.Scope
> = Effect.gen(function*() {
  const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
  const server = new ScriptedServer(identity.publicKey)
  const { sockets, url } = yield* listen(server)
  const client = yield* Client.make({ url, identity, kinds: [roomKind], checkAudience: false })
  return { server, sockets, client, lobby: client.topic(roomKind, topic) }
})

/** The first view that is wanted, through the stream. */
const awaitView = (
  lobby: Client.Topic<Room.State, Room.Command>,
  predicate: (view: Client.View<Room.State>) => boolean
) => lobby.views.pipe(Stream.filter(predicate), Stream.runHead, Effect.map(Option.getOrThrow))

describe("the client over a real socket", () => {
  it.live("[SYN10][SYN5] commands are answered, as effects and as promises, and every face shows them", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* connectClient
      const seen: Array<ReadonlyArray<unknown>> = []
      const events: Array<number> = []
      const unsubscribe = lobby.onView((view) => seen.push(postContents(view)))
      lobby.onEvents((batch) => events.push(...batch.map((event) => event.seq)))
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      assert.strictEqual(client.phase()._tag, "Subscribed")
      const receipt = yield* lobby.send({ _tag: "send_message", content: "one" })
      assert.deepStrictEqual(receipt, { topic, seq: 3 })
      yield* Effect.promise(() => lobby.sendPromise({ _tag: "send_message", content: "two" }))
      const view = yield* awaitView(lobby, (view) => view.confirmed.posts.length === 2)
      assert.deepStrictEqual(postContents(view), ["one", "two"])
      assert.deepStrictEqual(seen.at(-1), ["one", "two"])
      assert.deepStrictEqual(events, [3, 4])
      const next = yield* Effect.promise(() => lobby[Symbol.asyncIterator]().next())
      assert.deepStrictEqual(next.done === true ? [] : postContents(next.value), ["one", "two"])
      const refused = yield* Effect.flip(lobby.send({ _tag: "delete_entry", key: "none" }))
      assert.strictEqual(refused.reason.code, "rule_violated")
      unsubscribe()
    })))

  it.live("[AUT5] every command can leave with a signature of its own, and in order", () =>
    Effect.scoped(Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      const server = new ScriptedServer(identity.publicKey)
      const { url } = yield* listen(server)
      const options = { url, identity, kinds: [roomKind], checkAudience: false, signCommands: true }
      const lobby = (yield* Client.make(options)).topic(roomKind, topic)
      const sendNumber = (n: number) => lobby.send({ _tag: "send_message", content: n }, uuid(n))
      yield* Effect.all([sendNumber(7), sendNumber(8), sendNumber(9)], { concurrency: "unbounded" })
      assert.deepStrictEqual(server.receivedIds, [uuid(7), uuid(8), uuid(9)])
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: identity.publicKey }, format: "jwk" })
      for (const { id, payload, signature, thread_id, timestamp, type } of server.commands) {
        assert.strictEqual(thread_id, topic)
        const text = SignedCommand.signingInput(CommandId.make(id), {
          topic,
          timestamp,
          command: { ...payload, _tag: type }
        })
        assert.isTrue(verify(null, Buffer.from(text), key, Buffer.from(signature ?? "", "base64url")))
      }
    })))

  it.live("[SYN2][SYN4] a cut connection comes back from its position, and nothing is lost or done twice", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lobby, server, sockets } = yield* connectClient
      yield* Effect.forkScoped(Stream.runDrain(lobby.views))
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      for (const socket of sockets) socket.terminate()
      server.append(uuid(8), otherUser, { _tag: "send_message", content: "meanwhile" })
      yield* lobby.send({ _tag: "send_message", content: "mine" }, uuid(9))
      const view = yield* awaitView(lobby, (view) => view.confirmed.posts.length === 2)
      assert.deepStrictEqual(postContents(view), ["meanwhile", "mine"])
      assert.deepStrictEqual(server.receivedIds, [uuid(9)])
    })))

  it.live("[SYN5] two sends under one id take effect once and share the outcome", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lobby, server } = yield* connectClient
      const send = lobby.send({ _tag: "send_message", content: "once" }, uuid(7))
      const receipts = yield* Effect.all([send, send], { concurrency: "unbounded" })
      assert.deepStrictEqual(receipts, [{ topic, seq: 3 }, { topic, seq: 3 }])
      assert.deepStrictEqual(server.receivedIds, [uuid(7)])
    })))

  it.live("a listener that throws stops neither the client nor other listeners", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* connectClient
      client.onChange(() => {
        throw new RangeError("a listener's own fault")
      })
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      assert.deepStrictEqual((yield* lobby.send({ _tag: "send_message", content: "on" })).seq, 3)
    })).pipe(Effect.provideService(References.MinimumLogLevel, "None")))

  it.effect("[AUT1] the signature is the key's, over the challenge's text", () =>
    Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      const challenge: Omit<ServerMessageOf<"challenge">, "_tag"> = {
        nonce: "bm9uY2U",
        audience: "a",
        origin: "",
        connection_id: "c",
        issued_at: 1,
        expires_at: 2
      }
      const text = challengeSigningInput(challenge, identity.publicKey)
      const signature = yield* identity.sign(text)
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: identity.publicKey }, format: "jwk" })
      assert.isTrue(verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url")))
    }))

  it.effect("[AUT1] a secret that is none is refused with a sentence", () =>
    Effect.gen(function*() {
      const secret = yield* Keys.generateSecret
      const [one, two] = [yield* Keys.fromSecret(secret), yield* Keys.fromSecret(` ${secret}\n`)]
      assert.strictEqual(one.publicKey, two.publicKey)
      for (const wrong of ["", "choir_sk_", `${secret}AAAA`, secret.slice(9)]) {
        const error = yield* Effect.flip(Keys.fromSecret(wrong))
        assert.strictEqual(error.reason.code, "key_unusable")
      }
    }))

  it.effect("[SYN10] tries again when its time has come, not before, and stops with its scope", () =>
    Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      let attempts = 0
      const closeRequested = yield* Deferred.make<void>()
      const clientFiber = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(
          Client.make({
            url: "http://choir.test",
            identity,
            kinds: [roomKind],
            connect: () => {
              attempts += 1
              throw new TypeError("no network")
            }
          }),
          Deferred.await(closeRequested)
        )),
        { startImmediately: true }
      )
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust(60_000)
      // At most one try in each of the first waits, and about every ten seconds later on.
      assert.isAtLeast(attempts, 5)
      const attemptsBefore = attempts
      yield* Deferred.succeed(closeRequested, undefined)
      yield* Fiber.join(clientFiber)
      yield* TestClock.adjust(60_000)
      assert.strictEqual(attempts, attemptsBefore)
    }))
})

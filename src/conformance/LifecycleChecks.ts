/** Starting, stopping, and who is there (SOC1, SOC2). */
import { Effect, Queue, Scope } from "effect"
import { ConnectionId } from "../domain/protocol/Ids.ts"
import { type Connection, missingMembers, Socket } from "../services/Socket.ts"
import { expectEqual, expectFailure, expectTrue, type Harness, type Scenario, startEngine } from "./Harness.ts"

export const lifecycleChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[SOC1, SOC4] the engine has every member of the contract",
    run: Effect.flatMap(Socket, (socket) => expectEqual("what is missing", missingMembers(socket), []))
  },
  {
    title: "[SOC1] it runs from start to stop, and says where",
    run: Effect.gen(function*() {
      const socket = yield* Socket
      yield* expectEqual("isRunning before start", yield* socket.isRunning, false)
      yield* expectEqual("the address before start", yield* socket.getAddress, undefined)
      yield* expectEqual("the port before start", yield* socket.getPort, undefined)
      const engine = yield* startEngine(harness)
      yield* expectEqual("isRunning after start", yield* socket.isRunning, true)
      yield* expectEqual("the address", yield* socket.getAddress, engine.address.address)
      yield* expectEqual("the port", yield* socket.getPort, engine.address.port)
      const [client] = yield* engine.connect()
      yield* socket.stop
      yield* expectEqual("isRunning after stop", yield* socket.isRunning, false)
      yield* expectEqual("the address after stop", yield* socket.getAddress, undefined)
      yield* expectEqual("the code that clients are closed with", (yield* client.closed).code, 1012)
      yield* expectEqual("the code that listeners hear", (yield* engine.nextDisconnection).code, 1012)
      yield* expectEqual("the count after stop", yield* socket.getConnectionCount, 0)
    })
  },
  {
    title: "[SOC1] who comes after stop is not taken",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      yield* it.socket.stop
      const outcome = yield* Effect.result(harness.connect(it.address, { ignorePings: false }))
      yield* expectEqual("connecting after stop", outcome._tag, "Failure")
    })
  },
  {
    title: "[SOC1] each connection begins once and ends once, with its code",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [firstClient, first] = yield* it.connect()
      const [, second] = yield* it.connect()
      const [thirdClient, third] = yield* it.connect()
      firstClient.close(4001)
      const clientClosed = yield* it.nextDisconnection
      yield* expectEqual("who ended", clientClosed.connection.id, first.id)
      yield* expectEqual("the client's code", clientClosed.code, 4001)
      yield* it.socket.closeConnection(second.id, 4002, "go")
      const serverClosed = yield* it.nextDisconnection
      yield* expectEqual("who was closed", serverClosed.connection.id, second.id)
      yield* expectEqual("the server's code", serverClosed.code, 4002)
      yield* second.close(4003, "again")
      thirdClient.send("still here")
      yield* expectEqual("who speaks", (yield* it.nextMessage).connection.id, third.id)
      yield* expectEqual("further events", yield* it.pendingEvents, { connected: 0, disconnected: 0 })
    })
  },
  {
    title: "[SOC1] a connection that is closed as it begins ends once",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const run = Effect.runSyncWith(yield* Effect.context())
      yield* Scope.provide(it.socket.onConnection((connection) => run(connection.close(4005, "not you"))), scope)
      yield* Effect.ignore(it.connect())
      yield* expectEqual("the code", (yield* it.nextDisconnection).code, 4005)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      const [client, connection] = yield* it.connect()
      client.send("still here")
      yield* expectEqual("who speaks", (yield* it.nextMessage).connection.id, connection.id)
      yield* expectEqual("further ends", (yield* it.pendingEvents).disconnected, 0)
    })
  },
  {
    title: "[SOC1] who vanishes has ended",
    clientCapabilities: ["terminate"],
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      client.terminate?.()
      const { code, connection: disconnected } = yield* it.nextDisconnection
      yield* expectEqual("the disconnected connection", disconnected.id, connection.id)
      yield* expectEqual("the code", code, 1006)
      yield* expectEqual("the count", yield* it.socket.getConnectionCount, 0)
    })
  },
  {
    title: "[SOC1] connections are found, counted and listed; strangers are typed failures",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const { socket } = it
      const [, a] = yield* it.connect()
      const [, b] = yield* it.connect()
      yield* expectEqual("the count", yield* socket.getConnectionCount, 2)
      yield* expectEqual(
        "the list",
        (yield* socket.getAllConnections).map(({ id }) => id).toSorted(),
        [a.id, b.id].toSorted()
      )
      yield* expectTrue(
        "getConnection to give the connection that was announced",
        (yield* socket.getConnection(a.id)) === a
      )
      const unknownId = ConnectionId.make("00000000-0000-8000-8000-000000000000")
      yield* expectFailure("getConnection", socket.getConnection(unknownId), "ConnectionNotFound")
      yield* expectFailure("send", socket.send(unknownId, "x"), "ConnectionNotFound")
      yield* expectFailure("closeConnection", socket.closeConnection(unknownId, 4000, ""), "ConnectionNotFound")
    })
  },
  {
    title: "[SOC1] listeners hear until their scope closes",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const announced = yield* Queue.unbounded<Connection>()
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(it.socket.onConnection((connection) => void Queue.offerUnsafe(announced, connection)), scope)
      const [, first] = yield* it.connect()
      yield* expectEqual("what the listener heard", (yield* Queue.take(announced)).id, first.id)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* it.connect()
      yield* expectEqual("what it heard later", yield* Queue.size(announced), 0)
    })
  },
  {
    title: "[SOC2] a connection knows when it came, from where, and when it was last heard",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      yield* expectTrue("connectedAt to be a time", Number.isFinite(connection.connectedAt))
      yield* expectTrue("an address", connection.metadata.address !== "")
      yield* expectEqual("the origin of a client that has none", connection.metadata.origin, "")
      const before = connection.lastActivity()
      client.send("hello")
      yield* it.nextMessage
      yield* expectTrue("lastActivity not to go back", connection.lastActivity() >= before)
    })
  }
]

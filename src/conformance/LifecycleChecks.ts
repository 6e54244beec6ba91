/** Checks of the lifecycle: starting, stopping, and the set of connections (SOC1, SOC2). */
import { Effect, Queue, Scope } from "effect"
import { ConnectionId } from "../domain/protocol/Ids.ts"
import { missingMembers } from "../layers/socket/core/SocketContract.ts"
import { type Connection, Socket } from "../services/Socket.ts"
import {
  expectConnected,
  expectDisconnected,
  expectEqual,
  expectFailure,
  expectTrue,
  type Harness,
  type Scenario,
  startEngine
} from "./Harness.ts"

const hasAllMembers = <R>(): Scenario<R> => ({
  title: "[SOC1, SOC4] the engine has every member of the contract",
  run: Effect.flatMap(Socket, (socket) => expectEqual("the missing members", missingMembers(socket), []))
})

const runsFromStartToStop = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] it reports its state and address from start to stop",
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
    yield* expectEqual("the code that listeners get", (yield* engine.nextDisconnection).code, 1012)
    yield* expectEqual("the count after stop", yield* socket.getConnectionCount, 0)
  })
})

const rejectsAfterStop = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] a connection after stop is rejected",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    yield* engine.socket.stop
    const outcome = yield* Effect.result(harness.connect(engine.address, { ignorePings: false }))
    yield* expectEqual("connecting after stop", outcome._tag, "Failure")
  })
})

const endsEachConnectionOnce = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] each connection begins once and ends once, with its close code",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [firstClient, first] = yield* engine.connect()
    const [, second] = yield* engine.connect()
    const third = yield* engine.connect()
    firstClient.close(4001)
    yield* expectDisconnected(engine, first, 4001)
    yield* engine.socket.closeConnection(second.id, 4002, "closed by the server")
    yield* expectDisconnected(engine, second, 4002)
    yield* second.close(4003, "again")
    yield* expectConnected(engine, third)
    yield* expectEqual("further events", yield* engine.pendingEvents, { connected: 0, disconnected: 0 })
  })
})

const survivesCloseOnConnection = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] a connection that a listener closes at once ends once",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const scope = yield* Scope.fork(yield* Effect.scope)
    const run = Effect.runSyncWith(yield* Effect.context())
    yield* Scope.provide(engine.socket.onConnection((connection) => run(connection.close(4005, "rejected"))), scope)
    yield* Effect.ignore(engine.connect())
    yield* expectEqual("the code", (yield* engine.nextDisconnection).code, 4005)
    yield* Scope.close(scope, yield* Effect.exit(Effect.void))
    yield* expectConnected(engine, yield* engine.connect())
    yield* expectEqual("further disconnections", (yield* engine.pendingEvents).disconnected, 0)
  })
})

const detectsLostPeers = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] a connection whose peer vanishes ends with 1006",
  clientCapabilities: ["terminate"],
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    client.terminate?.()
    yield* expectDisconnected(engine, connection, 1006)
    yield* expectEqual("the count", yield* engine.socket.getConnectionCount, 0)
  })
})

const findsConnections = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] connections are found, counted and listed; an unknown id is a typed failure",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const { socket } = engine
    const [, a] = yield* engine.connect()
    const [, b] = yield* engine.connect()
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
})

const unregistersWithScope = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] a listener is called until its scope closes",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const announced = yield* Queue.unbounded<Connection>()
    const scope = yield* Scope.fork(yield* Effect.scope)
    yield* Scope.provide(
      engine.socket.onConnection((connection) => void Queue.offerUnsafe(announced, connection)),
      scope
    )
    const [, first] = yield* engine.connect()
    yield* expectEqual("the announced connection", (yield* Queue.take(announced)).id, first.id)
    yield* Scope.close(scope, yield* Effect.exit(Effect.void))
    yield* engine.connect()
    yield* expectEqual("announcements after the scope closed", yield* Queue.size(announced), 0)
  })
})

const recordsTimesAndOrigin = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC2] a connection has its start time, its origin and the time of its last activity",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    yield* expectTrue("connectedAt to be a time", Number.isFinite(connection.connectedAt))
    yield* expectTrue("an address", connection.metadata.address !== "")
    yield* expectEqual("the origin of a client that has none", connection.metadata.origin, "")
    const before = connection.lastActivity()
    client.send("hello")
    yield* engine.nextMessage
    yield* expectTrue("lastActivity not to go back", connection.lastActivity() >= before)
  })
})

/** The lifecycle checks. */
export const lifecycleChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> =>
  [
    hasAllMembers,
    runsFromStartToStop,
    rejectsAfterStop,
    endsEachConnectionOnce,
    survivesCloseOnConnection,
    detectsLostPeers,
    findsConnections,
    unregistersWithScope,
    recordsTimesAndOrigin
  ].map((makeScenario) => makeScenario(harness))

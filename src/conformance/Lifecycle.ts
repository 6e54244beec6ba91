/** Starting, stopping, and who is there (SOC1, SOC2). */
import { Effect, Queue, Scope } from "effect"
import { ConnectionId } from "../domain/Ids.ts"
import { type Connection, missing, Socket } from "../services/Socket.ts"
import { begin, type Harness, holds, refused, same, type Scenario } from "./Harness.ts"

export const lifecycle = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[SOC1, SOC4] the engine has every member of the contract",
    run: Effect.flatMap(Socket, (socket) => same("what is missing", missing(socket), []))
  },
  {
    title: "[SOC1] it runs from start to stop, and says where",
    run: Effect.gen(function*() {
      const socket = yield* Socket
      yield* same("isRunning before start", yield* socket.isRunning, false)
      yield* same("the address before start", yield* socket.getAddress, undefined)
      yield* same("the port before start", yield* socket.getPort, undefined)
      const it = yield* begin(harness)
      yield* same("isRunning after start", yield* socket.isRunning, true)
      yield* same("the address", yield* socket.getAddress, it.at.address)
      yield* same("the port", yield* socket.getPort, it.at.port)
      const [client] = yield* it.join()
      yield* socket.stop
      yield* same("isRunning after stop", yield* socket.isRunning, false)
      yield* same("the address after stop", yield* socket.getAddress, undefined)
      yield* same("the code that clients are closed with", (yield* client.closed).code, 1012)
      yield* same("the code that listeners hear", (yield* it.ended).code, 1012)
      yield* same("the count after stop", yield* socket.getConnectionCount, 0)
    })
  },
  {
    title: "[SOC1] who comes after stop is not taken",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      yield* it.socket.stop
      const outcome = yield* Effect.result(harness.connect(it.at, { mute: false }))
      yield* same("connecting after stop", outcome._tag, "Failure")
    })
  },
  {
    title: "[SOC1] each connection begins once and ends once, with its code",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [one, first] = yield* it.join()
      const [, second] = yield* it.join()
      const [last, third] = yield* it.join()
      one.close(4001)
      const gone = yield* it.ended
      yield* same("who ended", gone.who.id, first.id)
      yield* same("the client's code", gone.code, 4001)
      yield* it.socket.closeConnection(second.id, 4002, "go")
      const sent = yield* it.ended
      yield* same("who was closed", sent.who.id, second.id)
      yield* same("the server's code", sent.code, 4002)
      yield* second.close(4003, "again")
      last.send("still here")
      yield* same("who speaks", (yield* it.heard).from.id, third.id)
      yield* same("further events", yield* it.untaken, { opened: 0, ended: 0 })
    })
  },
  {
    title: "[SOC1] a connection that is closed as it begins ends once",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const run = Effect.runSyncWith(yield* Effect.context())
      yield* Scope.provide(it.socket.onConnection((connection) => run(connection.close(4005, "not you"))), scope)
      yield* Effect.ignore(it.join())
      yield* same("the code", (yield* it.ended).code, 4005)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      const [client, connection] = yield* it.join()
      client.send("still here")
      yield* same("who speaks", (yield* it.heard).from.id, connection.id)
      yield* same("further ends", (yield* it.untaken).ended, 0)
    })
  },
  {
    title: "[SOC1] who vanishes has ended",
    skills: ["vanish"],
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      client.vanish?.()
      const { code, who } = yield* it.ended
      yield* same("who ended", who.id, connection.id)
      yield* same("the code", code, 1006)
      yield* same("the count", yield* it.socket.getConnectionCount, 0)
    })
  },
  {
    title: "[SOC1] connections are found, counted and listed; strangers are typed failures",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const { socket } = it
      const [, a] = yield* it.join()
      const [, b] = yield* it.join()
      yield* same("the count", yield* socket.getConnectionCount, 2)
      yield* same("the list", (yield* socket.getAllConnections).map(({ id }) => id).toSorted(), [a.id, b.id].toSorted())
      yield* holds("getConnection to give the connection that was announced", (yield* socket.getConnection(a.id)) === a)
      const nobody = ConnectionId.make("00000000-0000-8000-8000-000000000000")
      yield* refused("getConnection", socket.getConnection(nobody), "ConnectionUnknown")
      yield* refused("send", socket.send(nobody, "x"), "ConnectionUnknown")
      yield* refused("closeConnection", socket.closeConnection(nobody, 4000, ""), "ConnectionUnknown")
    })
  },
  {
    title: "[SOC1] listeners hear until their scope closes",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const heard = yield* Queue.unbounded<Connection>()
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(it.socket.onConnection((connection) => void Queue.offerUnsafe(heard, connection)), scope)
      const [, first] = yield* it.join()
      yield* same("what the listener heard", (yield* Queue.take(heard)).id, first.id)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* it.join()
      yield* same("what it heard later", yield* Queue.size(heard), 0)
    })
  },
  {
    title: "[SOC2] a connection knows when it came, from where, and when it was last heard",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      yield* holds("connectedAt to be a time", Number.isFinite(connection.connectedAt))
      yield* holds("an address", connection.metadata.address !== "")
      yield* same("the origin of a client that has none", connection.metadata.origin, "")
      const before = connection.lastActivity()
      client.send("hello")
      yield* it.heard
      yield* holds("lastActivity not to go back", connection.lastActivity() >= before)
    })
  }
]

/** Checks of pings, heartbeats and flow control (CON3, SOC2, SOC3). */
import { Effect, Fiber } from "effect"
import { closeCode } from "../domain/connection/CloseCode.ts"
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

const measuresRoundTrips = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC2, SOC3] ping measures the round trip and fails once the peer is gone; undeclared, it fails",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    if (!engine.socket.capabilities.has("ping")) {
      return yield* expectFailure("ping", connection.ping, "UnsupportedCapability")
    }
    const roundTrip = yield* connection.ping
    yield* expectTrue(`a round trip, not ${roundTrip}`, roundTrip >= 0)
    const roundTrips = yield* Effect.all([connection.ping, connection.ping], { concurrency: 2 })
    yield* expectEqual("the number of concurrent pings", roundTrips.length, 2)
    client.close(4000)
    yield* engine.nextDisconnection
    yield* expectFailure("ping of a closed connection", connection.ping, "ConnectionNotFound")
  })
})

const failsPendingPings = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC2] a pending ping fails when its peer goes",
  clientCapabilities: ["ignorePings"],
  capability: "ping",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect({ ignorePings: true })
    const pendingPing = yield* Effect.forkChild(connection.ping, { startImmediately: true })
    client.close(4000)
    yield* expectFailure("ping", Fiber.join(pendingPing), "ConnectionNotFound")
  })
})

const closesSilentPeers = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON3] a silent peer is closed with 4012",
  clientCapabilities: ["ignorePings"],
  limits: { pingInterval: 100, pongTimeout: 100 },
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [, connection] = yield* engine.connect({ ignorePings: true })
    yield* expectDisconnected(engine, connection, closeCode.noPong)
  })
})

const keepsAnsweringPeers = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON3] a peer that answers pings stays connected",
  limits: { pingInterval: 50, pongTimeout: 2_000 },
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const peer = yield* engine.connect()
    const waitFourHeartbeats = Effect.sleep(50).pipe(Effect.repeat({ times: 4 }))
    yield* waitFourHeartbeats
    yield* expectConnected(engine, peer)
    yield* expectEqual("further events", yield* engine.pendingEvents, { connected: 0, disconnected: 0 })
  })
})

const pausesReading = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC2, SOC3] a paused peer is not read until it is resumed; undeclared, pausing fails",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const [other] = yield* engine.connect()
    if (!engine.socket.capabilities.has("pause")) {
      yield* expectFailure("pause", connection.pause, "UnsupportedCapability")
      return yield* expectFailure("resume", connection.resume, "UnsupportedCapability")
    }
    yield* connection.pause
    client.send("sent while paused")
    for (let n = 0; n < 20; n++) {
      other.send(`${n}`)
      yield* expectEqual("what another client sent meanwhile", (yield* engine.nextMessage).text, `${n}`)
    }
    yield* connection.resume
    yield* expectEqual("what was received after resume", (yield* engine.nextMessage).text, "sent while paused")
  })
})

/** The checks of pings, heartbeats and flow control. */
export const heartbeatChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> =>
  [
    measuresRoundTrips,
    failsPendingPings,
    closesSilentPeers,
    keepsAnsweringPeers,
    pausesReading
  ].map((makeScenario) => makeScenario(harness))

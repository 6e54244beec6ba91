/**
 * The phases of a run that concern the whole cluster: a rolling restart, a week of virtual time, and the departure of
 * every client, after which no resource may remain.
 */
import { Effect } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { State as ThreadState } from "../../domain/thread/ThreadModel.ts"
import { Socket } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import * as Quiescence from "./checkers/Quiescence.ts"
import * as Nemesis from "./nemesis/Nemesis.ts"
import type { SimulatedCluster } from "./SimulatedCluster.ts"
import { privateThreads } from "./workload/PrivateThreadWorkload.ts"
import { publicThread } from "./workload/PublicThreadWorkload.ts"

const eightDays = 8 * 24 * 60 * 60_000

/**
 * SYN11: a rolling restart under load. Every client receives `goodbye` and is closed with a code that permits a
 * reconnect, and every acknowledged event survives (TOP4). Returns the users whose connections were closed.
 */
export const replaceServer = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { network, users, runtime } = cluster
  runtime.record("heal before restart")
  Nemesis.healAll(cluster)
  // A restart that is under way takes as long as the disk does; then clients in back-off need time to reconnect.
  yield* runtime.runUntil(runtime.now + 30_000, () => cluster.server.isServing)
  yield* runtime.runUntil(runtime.now + 1_500)
  const { server } = cluster
  const disconnectedUsers = users.filter((user) => user.isOnline)
  const connections = [...network.connections].filter((connection) =>
    connection.server === server.process && connection.serverEvents !== undefined
  )
  yield* cluster.stopServer(30_000)
  // The last frames are still in transit.
  yield* runtime.runUntil(runtime.now + 500)
  for (const connection of connections) {
    const { clientCloseCode, clientState, goodbyeSent } = connection
    const closedByClient = clientCloseCode === undefined && clientState === "closed"
    // Its session was revoked meanwhile (SEC7), or it had signed out and sent too much without one (AUT3).
    const withoutSession = clientCloseCode === closeCode.forcedOut || clientCloseCode === closeCode.sessionReused ||
      clientCloseCode === closeCode.unauthenticated
    if (!closedByClient && !withoutSession && !(goodbyeSent && clientCloseCode === closeCode.restart)) {
      runtime.reportViolation(
        "SYN11",
        `${connection.client.name} was closed with ${clientCloseCode}, goodbye: ${goodbyeSent}`
      )
    }
  }
  server.kill(false)
  cluster.restartIfKilled()
  yield* runtime.runUntil(runtime.now + 1_500)
  return disconnectedUsers
})

/** SYN11: every disconnected user has caught up with the next server within 15 s. */
export const checkUsersReconnect = Effect.fnUntraced(
  function*(cluster: SimulatedCluster, disconnectedUsers: SimulatedCluster["users"]) {
    const blocker = yield* Quiescence.awaitQuiescence(
      cluster,
      () => Quiescence.findLaggingUser(cluster, disconnectedUsers),
      15_000
    )
    if (blocker !== undefined) {
      cluster.runtime.reportViolation("SYN11", `15 s after a drain ${blocker}`)
    }
  }
)

/** After a week of virtual time and a restart every vote has expired (TOP6). Returns the time to convergence, in ms. */
export const advanceOneWeek = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { server, oracle, runtime } = cluster
  yield* cluster.stopServer(60_000)
  server.kill(false)
  runtime.now += eightDays
  cluster.restartIfKilled()
  const elapsed = yield* Quiescence.awaitConvergence(cluster, "a week later")
  for (const topic of [publicThread, ...privateThreads]) {
    const state = oracle.historyOf(topic)?.states.at(-1) as ThreadState | undefined
    const pending = state?.submissions.filter(({ status }) => status === "pending") ?? []
    if (pending.length > 0) runtime.reportViolation("TOP6", `${pending.length} votes of ${topic} did not expire`)
  }
  return elapsed
})

/** FLT12, ROO8: once every client has left, no fiber, timer, topic, subscription or connection remains. */
export const shutDownUsers = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { users, faultPlan, server, runtime } = cluster
  for (const user of users) user.shutDown()
  yield* runtime.runUntil(runtime.now + 3 * faultPlan.limits.passivateAfter + 5_000)
  for (const user of users) {
    if (user.leakedResources > 0) {
      runtime.reportViolation("FLT12", `${user.leakedResources} fibers and timers leaked by ${user.name}`)
    }
  }
  const remaining = server.inspect((services) =>
    Effect.gen(function*() {
      const { loadedTopics, subscriptions } = yield* (yield* Topics).stats
      return { loadedTopics, subscriptions, connections: yield* (yield* Socket).getConnectionCount }
    }).pipe(Effect.provide(services))
  )
  if (remaining === undefined || remaining.loadedTopics + remaining.subscriptions + remaining.connections > 0) {
    runtime.reportViolation("ROO8", `after every client has left: ${JSON.stringify(remaining)}`)
  }
  yield* cluster.stopServer(60_000)
})

/** What happens to everybody at once: another server takes over, a week passes, and in the end all leave. */
import { Effect } from "effect"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { State as ThreadState } from "../../../domain/thread/ThreadModel.ts"
import { Socket } from "../../../services/Socket.ts"
import { Topics } from "../../../services/Topics.ts"
import * as Quiescence from "../checkers/Quiescence.ts"
import * as Nemesis from "../nemesis/Nemesis.ts"
import { privateThread } from "../workload/PrivateThreadWorkload.ts"
import { publicThread } from "../workload/PublicThreadWorkload.ts"
import type { SimulatedCluster } from "./SimulatedCluster.ts"

const eightDays = 8 * 24 * 60 * 60_000

/**
 * SYN11: in the middle of everything a server gives way to the next. Each client is told beforehand and closed with
 * a code that lets it come back, and what was acknowledged is there (TOP4). Gives those who were sent away.
 */
export const replaceServer = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { network, users, runtime } = cluster
  runtime.record("calm")
  Nemesis.healAll(cluster)
  // A restart that is under way takes as long as the disk does. Then long enough for whoever waits to connect again.
  yield* runtime.runUntil(runtime.now + 30_000, () => cluster.server.isServing)
  yield* runtime.runUntil(runtime.now + 1_500, () => false)
  const { server } = cluster
  const disconnectedUsers = users.filter((user) => user.isOnline)
  const connections = [...network.connections].filter((connection) =>
    connection.server === server.process && connection.serverEvents !== undefined
  )
  yield* cluster.stopServer(30_000)
  // What was said last is still on its way.
  yield* runtime.runUntil(runtime.now + 500, () => false)
  for (const connection of connections) {
    const closedByClient = connection.clientCloseCode === undefined && connection.clientState === "closed"
    if (!closedByClient && !(connection.goodbyeSent && connection.clientCloseCode === closeCode.restart)) {
      runtime.reportViolation(
        "SYN11",
        `${connection.client.name} was closed with ${connection.clientCloseCode}, goodbye: ${connection.goodbyeSent}`
      )
    }
  }
  server.kill(false)
  cluster.restartIfKilled()
  yield* runtime.runUntil(runtime.now + 1_500, () => false)
  return disconnectedUsers
})

/** SYN11: everybody who was sent away is in step with the next server soon. */
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

/** A week later, under another server, every vote is over. Gives how long it took to come to rest. */
export const advanceOneWeek = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { server, oracle, runtime } = cluster
  yield* cluster.stopServer(60_000)
  server.kill(false)
  runtime.now += eightDays
  cluster.restartIfKilled()
  const elapsed = yield* Quiescence.awaitConvergence(cluster, "a week later")
  for (const topic of [publicThread, privateThread]) {
    const state = oracle.historyOf(topic)?.states.at(-1) as ThreadState | undefined
    const pending = state?.submissions.filter(({ status }) => status === "pending") ?? []
    if (pending.length > 0) runtime.reportViolation("TOP6", `${pending.length} votes of ${topic} did not end`)
  }
  return elapsed
})

/** Everybody leaves: subscriptions, topics, timers go. */
export const shutDownUsers = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { users, faultPlan, server, runtime } = cluster
  for (const user of users) user.shutDown()
  yield* runtime.runUntil(runtime.now + 3 * faultPlan.limits.passivateAfter + 5_000, () => false)
  for (const user of users) {
    if (user.leakedResources > 0) {
      runtime.reportViolation("FLT12", `${user.leakedResources} fibers and timers are left of ${user.name}`)
    }
  }
  const remaining = server.inspect((services) =>
    Effect.gen(function*() {
      const { loadedTopics, subscriptions } = yield* (yield* Topics).stats
      return { live: loadedTopics, subscriptions, connections: yield* (yield* Socket).getConnectionCount }
    }).pipe(Effect.provide(services))
  )
  if (remaining === undefined || remaining.live + remaining.subscriptions + remaining.connections > 0) {
    runtime.reportViolation("ROO8", `after everybody left: ${JSON.stringify(remaining)}`)
  }
  yield* cluster.stopServer(60_000)
})

/** What must come to rest, and by when (FLT7, SYN10). */
import { Effect } from "effect"
import type { SimulatedCluster } from "../cluster/SimulatedCluster.ts"
import { checkFinalInvariants } from "./FinalInvariants.ts"

/** Waits until nobody says why not, for `patience` at most; what was said last. */
export const awaitQuiescence = Effect.fnUntraced(function*(
  { runtime }: SimulatedCluster,
  findBlocker: () => string | undefined,
  timeout: number
) {
  const deadline = runtime.now + timeout
  let blocker = findBlocker()
  while (blocker !== undefined && runtime.now < deadline) {
    yield* runtime.runUntil(runtime.now + 250, () => false)
    blocker = findBlocker()
  }
  return blocker
})

/** Who is not in step with the logs. */
export const findLaggingUser = ({ server }: SimulatedCluster, users: SimulatedCluster["users"]): string | undefined => {
  if (!server.isServing) return "the server does not serve"
  for (const user of users) {
    const blocker = user.quiescenceBlocker
    if (blocker !== undefined) return blocker
  }
  return undefined
}

/** Why the world is not at rest; undefined when it is. */
const findQuiescenceBlocker = (cluster: SimulatedCluster): string | undefined => {
  const { disk, index, users, server, oracle } = cluster
  if (!server.isServing) return "the server does not serve"
  if (!disk.isIdle) return "the disk is busy"
  for (const [topic, { kind, states }] of oracle.topics) {
    const [pendingIntent] = kind.pending(states.at(-1))
    if (pendingIntent !== undefined) return `${topic} is owed ${pendingIntent._tag} ${pendingIntent.id}`
  }
  return findLaggingUser(cluster, users) ?? index.difference
}

/** Whose rule it is that there is no rest. */
const ruleOfBlocker = (blocker: string): string =>
  blocker.startsWith("the index") ? "STO4" : blocker.endsWith("spoilt") ? "SYN7" : "SYN10"

/** FLT7: everybody agrees within a minute of peace. Gives how long it took. */
export const awaitConvergence = Effect.fnUntraced(function*(cluster: SimulatedCluster, phase: string) {
  const { disk, users, oracle, runtime } = cluster
  const start = runtime.now
  const timeout = 60_000
  const blocker = yield* awaitQuiescence(cluster, () => findQuiescenceBlocker(cluster), timeout)
  const elapsed = runtime.now - start
  if (blocker === undefined) {
    for (const user of users) user.checkReplicas(true)
    checkFinalInvariants(runtime, oracle, disk)
  } else {
    runtime.reportViolation(ruleOfBlocker(blocker), `${phase}, after ${timeout} ms of peace, ${blocker}`)
  }
  return elapsed
})

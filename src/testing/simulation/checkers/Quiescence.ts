/**
 * Detects quiescence: the state in which the disk is idle, no intent is pending, the index equals the logs and every
 * client is up to date. After all faults are healed it must be reached within a minute (FLT7, SYN10).
 */
import { Effect } from "effect"
import type { SimulatedDisk } from "../cluster/SimulatedDisk.ts"
import type { SimulatedIndex } from "../cluster/SimulatedIndex.ts"
import type { SimulatedServer } from "../cluster/SimulatedServer.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import type { UserWorkload } from "../workload/UserWorkload.ts"
import { checkFinalInvariants } from "./FinalInvariants.ts"

/** The parts of the cluster that must become quiescent. */
export interface QuiescenceTarget {
  readonly runtime: SimulationRuntime
  readonly oracle: DurableModel
  readonly disk: SimulatedDisk
  readonly index: SimulatedIndex
  readonly server: SimulatedServer
  readonly users: ReadonlyArray<UserWorkload>
}

const convergenceMillisMax = 60_000

/** Advances virtual time until `findBlocker` finds nothing, for `timeout` ms at most; returns the last blocker. */
export const awaitQuiescence = Effect.fnUntraced(function*(
  { runtime }: QuiescenceTarget,
  findBlocker: () => string | undefined,
  timeout: number
) {
  const deadline = runtime.now + timeout
  let blocker = findBlocker()
  while (blocker !== undefined && runtime.now < deadline) {
    yield* runtime.runUntil(runtime.now + 250)
    blocker = findBlocker()
  }
  return blocker
})

/** Why one of the users is not up to date with the logs; undefined when all are. */
export const findLaggingUser = (
  { server }: QuiescenceTarget,
  users: QuiescenceTarget["users"]
): string | undefined => {
  if (!server.isServing) return "the server does not serve"
  for (const user of users) {
    const blocker = user.quiescenceBlocker
    if (blocker !== undefined) return blocker
  }
  return undefined
}

/** Why the cluster is not quiescent; undefined when it is. */
const findQuiescenceBlocker = (target: QuiescenceTarget): string | undefined => {
  const { disk, index, users, server, oracle } = target
  if (!server.isServing) return "the server does not serve"
  if (!disk.isIdle) return "the disk is busy"
  for (const [topic, { kind, states }] of oracle.topics) {
    const [pendingIntent] = kind.pending(states.at(-1))
    if (pendingIntent !== undefined) return `${topic} has the pending intent ${pendingIntent._tag} ${pendingIntent.id}`
  }
  return findLaggingUser(target, users) ?? index.difference
}

/** The rule that a blocker violates. */
const ruleOfBlocker = (blocker: string): string =>
  blocker.startsWith("the index") ? "STO4" : blocker.endsWith("is corrupt") ? "SYN7" : "SYN10"

/**
 * FLT7: the cluster converges within a minute of healing. Checks the final invariants; returns the time taken, in ms.
 */
export const awaitConvergence = Effect.fnUntraced(function*(target: QuiescenceTarget, phase: string) {
  const { disk, users, oracle, runtime } = target
  const start = runtime.now
  const blocker = yield* awaitQuiescence(target, () => findQuiescenceBlocker(target), convergenceMillisMax)
  const elapsed = runtime.now - start
  if (blocker === undefined) {
    for (const user of users) user.checkReplicas(true)
    checkFinalInvariants(runtime, oracle, disk)
  } else {
    runtime.reportViolation(ruleOfBlocker(blocker), `${phase}, ${convergenceMillisMax} ms after healing, ${blocker}`)
  }
  return elapsed
})

/**
 * Runs one seed: a server and six client devices in virtual time, a workload, and a nemesis that injects the seed's
 * fault plan; then all faults are healed and the cluster must reach quiescence (TOP2-TOP6, SYN2-SYN5, FLT1, FLT7).
 *
 * Everything random is drawn from the seed and nothing outside is read, so a seed replays bit for bit.
 */
import { Effect } from "effect"
import * as Quiescence from "./checkers/Quiescence.ts"
import { type Fault, faultPhaseMillis } from "./nemesis/FaultPlan.ts"
import * as Nemesis from "./nemesis/Nemesis.ts"
import * as Phases from "./Phases.ts"
import * as NondeterminismGuards from "./runtime/NondeterminismGuards.ts"
import { SimulatedCluster, type SimulationOptions } from "./SimulatedCluster.ts"

/** The result of one seed. */
export interface SimulationReport {
  readonly seed: string
  /** `RULE: detail`, in the order of detection; empty when the seed passed. */
  readonly violations: ReadonlyArray<string>
  /** Hash of the trace; equal for every run of the seed. */
  readonly digest: string
  readonly faults: ReadonlyArray<Fault>
  /** Counts of frames, receipts, events and the like; `convergedIn` is virtual milliseconds. */
  readonly stats: Readonly<Record<string, number>>
  /** Empty unless `recordTrace` was set. */
  readonly trace: ReadonlyArray<string>
}

/**
 * Every second: replicas equal the fold of the log, and no connection has more to read than the limit, the newest frame,
 * and a reply that may exceed the limit (CON8).
 */
const checkOngoingInvariants = ({ faultPlan: { limits }, network, runtime, server, users }: SimulatedCluster): void => {
  for (const user of users) user.checkReplicas(false)
  if (server.process.killed) return
  for (const { limitedBytes, serverState } of network.connections) {
    if (serverState === "open" && limitedBytes > limits.outboxMax) {
      runtime.reportViolation("CON8", `${limitedBytes} bytes are queued for one connection`)
    }
  }
}

const scheduleInvariantChecks = (cluster: SimulatedCluster): void => {
  cluster.runtime.schedule(1_000, () => {
    checkOngoingInvariants(cluster)
    scheduleInvariantChecks(cluster)
  })
}

const healAndQuiesce = (cluster: SimulatedCluster): void => {
  cluster.runtime.record("heal")
  Nemesis.healAll(cluster)
  for (const user of cluster.users) user.quiesce()
}

/** All phases of a run; returns the longest convergence, in virtual milliseconds. */
const runPhases = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { faultPlan, runtime } = cluster
  Nemesis.scheduleFaults(cluster)
  scheduleInvariantChecks(cluster)
  yield* runtime.runUntil(runtime.now + faultPhaseMillis)
  const disconnectedUsers = faultPlan.rollingRestart ? yield* Phases.replaceServer(cluster) : []
  healAndQuiesce(cluster)
  if (faultPlan.rollingRestart) yield* Phases.checkUsersReconnect(cluster, disconnectedUsers)
  let convergedIn = yield* Quiescence.awaitConvergence(cluster, "at the end")
  if (runtime.violations.length === 0) convergedIn = Math.max(convergedIn, yield* Phases.advanceOneWeek(cluster))
  if (runtime.violations.length === 0) yield* Phases.shutDownUsers(cluster)
  return convergedIn
})

const makeReport = (
  seed: string,
  { checker, faultPlan, serverCount, oracle, runtime }: SimulatedCluster,
  convergedIn: number
): SimulationReport => {
  const events = [...oracle.topics.values()].reduce((sum, { entries }) => sum + entries.length, 0)
  return {
    seed,
    violations: runtime.violations,
    digest: runtime.digest,
    faults: faultPlan.faults,
    trace: runtime.recordedTrace ?? [],
    stats: { ...checker.counts, events, servers: serverCount, sends: oracle.sentCommands.size, convergedIn }
  }
}

/** Runs one seed. Reading the real clock, randomness, timers or network meanwhile is a violation. */
export const simulate = (seed: string, options: SimulationOptions = {}): Effect.Effect<SimulationReport> =>
  Effect.suspend(() => {
    const guards = NondeterminismGuards.guardGlobals()
    const cluster = new SimulatedCluster(seed, options)
    return runPhases(cluster).pipe(
      Effect.catchDefect((defect) =>
        Effect.sync(() => {
          cluster.runtime.reportViolation(
            "FLT25",
            defect instanceof Error ? defect.stack ?? defect.message : String(defect)
          )
          return 0
        })
      ),
      Effect.map((convergedIn) => {
        if (guards.calledGlobals.size > 0) {
          cluster.runtime.reportViolation("OPS", `called the real ${[...guards.calledGlobals].join()}`)
        }
        return makeReport(seed, cluster, convergedIn)
      }),
      Effect.ensuring(Effect.sync(guards.restore))
    )
  })

/**
 * One seed: a server, six devices, everything that goes wrong, and then peace,
 * in which all must come to rest (TOP2-TOP6, SYN2-SYN5, FLT1, FLT7).
 */
import { Effect } from "effect"
import { Socket } from "../../services/Socket.ts"
import * as Quiescence from "./checkers/Quiescence.ts"
import * as NondeterminismGuards from "./cluster/NondeterminismGuards.ts"
import * as Phases from "./cluster/Phases.ts"
import { SimulatedCluster, type SimulationOptions } from "./cluster/SimulatedCluster.ts"
import { type Fault, faultPhaseMillis } from "./nemesis/FaultPlan.ts"
import * as Nemesis from "./nemesis/Nemesis.ts"

export interface SimulationReport {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  /** The same for every run of a seed. */
  readonly digest: string
  readonly faults: ReadonlyArray<Fault>
  readonly stats: Readonly<Record<string, number>>
  readonly trace: ReadonlyArray<string>
}

/** Now and then: copies are folds, and no queue is over its cap (CON8). */
const checkOngoingInvariants = ({ users, faultPlan, server, runtime }: SimulatedCluster): void => {
  for (const user of users) user.checkReplicas(false)
  if (server.process.killed) return
  const maxBufferedBytes = server.inspect((services) =>
    Effect.map(
      Effect.flatMap(Effect.provide(Socket, services), (socket) => socket.getAllConnections),
      (all) => Math.max(0, ...all.map((connection) => connection.bufferedAmount()))
    )
  )
  if (maxBufferedBytes !== undefined && maxBufferedBytes > faultPlan.limits.outboxMax + faultPlan.limits.frameBytes) {
    runtime.reportViolation("CON8", `${maxBufferedBytes} bytes wait for one connection`)
  }
}

const scheduleInvariantChecks = (cluster: SimulatedCluster): void => {
  cluster.runtime.schedule(1_000, () => {
    checkOngoingInvariants(cluster)
    scheduleInvariantChecks(cluster)
  })
}

const healAndQuiesce = (cluster: SimulatedCluster): void => {
  cluster.runtime.record("peace")
  Nemesis.healAll(cluster)
  for (const user of cluster.users) user.quiesce()
}

/** From the first word to the last; gives how long it took at most to come to rest. */
const runPhases = Effect.fnUntraced(function*(cluster: SimulatedCluster) {
  const { faultPlan, runtime } = cluster
  Nemesis.scheduleFaults(cluster)
  scheduleInvariantChecks(cluster)
  yield* runtime.runUntil(runtime.now + faultPhaseMillis, () => false)
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

/** Runs one seed. Nothing of the real world is asked meanwhile. */
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
          cluster.runtime.reportViolation("OPS", `asked for the real ${[...guards.calledGlobals].join()}`)
        }
        return makeReport(seed, cluster, convergedIn)
      }),
      Effect.ensuring(Effect.sync(guards.restore))
    )
  })

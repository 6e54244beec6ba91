/**
 * The parts of one run, built from a seed: virtual time, network, disk, index and model, the server that is running at
 * the moment, the users' workloads, the oracle and the checkers.
 */
import { Effect } from "effect"
import { AudienceChecker } from "./checkers/AudienceChecker.ts"
import { DeliveryChecker } from "./checkers/DeliveryChecker.ts"
import { EntryChecker } from "./checkers/EntryChecker.ts"
import { LedgerChecker } from "./checkers/LedgerChecker.ts"
import { SessionChecker } from "./checkers/SessionChecker.ts"
import { ThreadChecker } from "./checkers/ThreadChecker.ts"
import { type CommitObserver, SimulatedDisk } from "./cluster/SimulatedDisk.ts"
import { SimulatedIndex } from "./cluster/SimulatedIndex.ts"
import { SimulatedModel } from "./cluster/SimulatedModel.ts"
import { SimulatedNetwork, type TrafficObserver } from "./cluster/SimulatedNetwork.ts"
import { type ServerDependencies, SimulatedServer } from "./cluster/SimulatedServer.ts"
import { drawFaultPlan, type Fault, type FaultPlan } from "./nemesis/FaultPlan.ts"
import { DurableModel } from "./oracle/DurableModel.ts"
import * as PlantedBugs from "./planted-bugs/PlantedBugs.ts"
import { SimulatedProcess } from "./runtime/SimulatedProcess.ts"
import { SimulationRuntime } from "./runtime/SimulationRuntime.ts"
import * as TestKeys from "./runtime/TestKeys.ts"
import { UserWorkload } from "./workload/UserWorkload.ts"

/** The options of a run besides its seed. */
export interface SimulationOptions {
  readonly plantedBug?: PlantedBugs.BugName | undefined
  /** Replaces the faults that the seed draws; used for shrinking. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** Keeps the whole trace in memory, line by line, besides hashing it. */
  readonly recordTrace?: boolean | undefined
}

const userDevices = [["ann", "desk"], ["ann", "phone"], ["ben", "desk"], ["cat", "desk"], ["dan", "desk"], [
  "eve",
  "desk"
]]

/** An observer that tells several. */
const observeBy = (...observers: ReadonlyArray<TrafficObserver>): TrafficObserver => ({
  connectionOpened: (connection) => observers.forEach((observer) => observer.connectionOpened(connection)),
  serverSent: (connection, text) => observers.forEach((observer) => observer.serverSent(connection, text)),
  clientSent: (connection, text) => observers.forEach((observer) => observer.clientSent(connection, text)),
  clientReceived: (connection) => observers.forEach((observer) => observer.clientReceived(connection))
})

/** One run's server, clients and environment. */
export class SimulatedCluster {
  readonly runtime: SimulationRuntime
  readonly oracle: DurableModel
  readonly checker: DeliveryChecker
  readonly faultPlan: FaultPlan
  readonly network: SimulatedNetwork
  readonly disk: SimulatedDisk
  readonly index: SimulatedIndex
  readonly model: SimulatedModel
  readonly users: ReadonlyArray<UserWorkload>
  /** The current server process; the last one when it was killed. */
  server: SimulatedServer
  serverCount = 0
  /** Offset of the server's clock from true time, in milliseconds. */
  clockSkew = 0
  private readonly dependencies: ServerDependencies

  constructor(seed: string, { plantedBug, faults, recordTrace = false }: SimulationOptions) {
    this.runtime = new SimulationRuntime(seed, recordTrace)
    const drawn = drawFaultPlan(this.runtime.random.stream("plan"))
    this.oracle = new DurableModel(this.runtime)
    const users = [...new Set(userDevices.map(([name]) => name ?? "")), "a stranger"].map(TestKeys.userIdOf)
    const audiences = new AudienceChecker(this.runtime, this.oracle, users)
    this.checker = new DeliveryChecker(this.runtime, this.oracle, audiences)
    this.faultPlan = { ...drawn, faults: faults ?? drawn.faults }
    this.network = new SimulatedNetwork(this.runtime, observeBy(this.checker, new SessionChecker(this.runtime)))
    this.disk = new SimulatedDisk(this.runtime, this.makeCommitObserver(audiences))
    this.index = new SimulatedIndex(this.runtime, this.oracle)
    const { modelCalled } = this.oracle
    this.model = new SimulatedModel(this.runtime, { modelCalled, priorsFound: audiences.priorsFound })
    this.dependencies = {
      disk: this.disk,
      index: this.index,
      network: this.network,
      model: this.model,
      limits: this.faultPlan.limits,
      onCommandAnswered: this.oracle.commandAnswered,
      plantedBug: plantedBug === undefined ? {} : PlantedBugs.plantBug(plantedBug, this.runtime)
    }
    this.dependencies.plantedBug.network?.(this.network)
    this.server = this.startServer()
    this.users = userDevices.map(([name, device]) =>
      new UserWorkload(this.runtime, this.network, this.oracle, name ?? "", device ?? "")
    )
  }

  /** The oracle, and the checkers of what it has applied. */
  private makeCommitObserver(audiences: AudienceChecker): CommitObserver {
    const { oracle, runtime } = this
    const checkers = [
      new EntryChecker(runtime, oracle),
      new LedgerChecker(runtime, oracle),
      new ThreadChecker(runtime, oracle),
      audiences
    ]
    return {
      acknowledged: oracle.acknowledged,
      committed: (topic, stored) => {
        const entries = oracle.committed(topic, stored)
        for (const checker of checkers) checker.checkCommit(topic, entries)
      }
    }
  }

  private startServer(): SimulatedServer {
    this.oracle.serverRestarted()
    return new SimulatedServer(
      new SimulatedProcess(this.runtime, `server-${this.serverCount++}`, this.clockSkew),
      this.dependencies
    )
  }

  /** Starts a new server process on the same disk when the current one was killed. */
  restartIfKilled(): void {
    if (this.server.process.killed) this.server = this.startServer()
  }

  /** Stops the server as SIGTERM does; fibers or timers that remain are a leak (FLT12). */
  readonly stopServer = Effect.fnUntraced({ self: this }, function*(this: SimulatedCluster, timeout: number) {
    const { server, runtime } = this
    let stopped = false
    server.stop(() => {
      stopped = true
    })
    yield* runtime.runUntil(runtime.now + timeout, () => stopped)
    if (!stopped) runtime.reportViolation("SYN11", "the server did not stop")
    const leaked = server.process.fibers.size + runtime.pendingTimersOf(server.process)
    if (stopped && leaked > 1) {
      runtime.reportViolation("FLT12", `${leaked} fibers and timers leaked by ${server.process.name}`)
    }
  })
}

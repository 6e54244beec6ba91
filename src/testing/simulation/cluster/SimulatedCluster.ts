/** What one seed sets in motion: a world, the server that lives in it for the moment, and the people. */
import { Effect } from "effect"
import { DeliveryChecker } from "../checkers/DeliveryChecker.ts"
import { drawFaultPlan, type Fault, type FaultPlan } from "../nemesis/FaultPlan.ts"
import { DurableModel } from "../oracle/DurableModel.ts"
import * as PlantedBugs from "../planted-bugs/PlantedBugs.ts"
import { UserWorkload } from "../workload/UserWorkload.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { SimulatedIndex } from "./SimulatedIndex.ts"
import { SimulatedModel } from "./SimulatedModel.ts"
import { SimulatedNetwork } from "./SimulatedNetwork.ts"
import { SimulatedProcess } from "./SimulatedProcess.ts"
import { type ServerDependencies, SimulatedServer } from "./SimulatedServer.ts"
import { SimulationRuntime } from "./SimulationRuntime.ts"
import * as TestKeys from "./TestKeys.ts"

export interface SimulationOptions {
  readonly plantedBug?: PlantedBugs.BugName | undefined
  /** In place of those that the seed decides. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** Keeps all that happened, line by line. */
  readonly recordTrace?: boolean | undefined
}

const userDevices = [["ann", "desk"], ["ann", "phone"], ["ben", "desk"], ["cat", "desk"], ["dan", "desk"], [
  "eve",
  "desk"
]]

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
  /** The one that lives, or the last one that did. */
  server: SimulatedServer
  serverCount = 0
  /** How wrong the servers' clock is. */
  clockSkew = 0
  private readonly dependencies: ServerDependencies

  constructor(seed: string, { plantedBug, faults, recordTrace = false }: SimulationOptions) {
    this.runtime = new SimulationRuntime(seed, recordTrace)
    const drawn = drawFaultPlan(this.runtime.random.stream("plan"))
    this.oracle = new DurableModel(this.runtime)
    this.checker = new DeliveryChecker(this.runtime, this.oracle)
    this.faultPlan = { ...drawn, faults: faults ?? drawn.faults }
    this.network = new SimulatedNetwork(this.runtime, this.checker)
    this.disk = new SimulatedDisk(this.runtime, this.oracle)
    this.index = new SimulatedIndex(this.runtime, this.oracle)
    const authors = ["ann", "cat"].map(TestKeys.userIdOf)
    this.model = new SimulatedModel(this.runtime, authors, this.checker.modelCalled)
    this.dependencies = {
      disk: this.disk,
      index: this.index,
      network: this.network,
      model: this.model,
      limits: this.faultPlan.limits,
      onCommandAnswered: this.checker.commandAnswered,
      plantedBug: plantedBug === undefined ? {} : PlantedBugs.plantBug(plantedBug, this.runtime)
    }
    this.dependencies.plantedBug.network?.(this.network)
    this.server = this.startServer()
    this.users = userDevices.map(([name, device]) =>
      new UserWorkload(this.runtime, this.network, this.oracle, name ?? "", device ?? "")
    )
  }

  private startServer(): SimulatedServer {
    this.oracle.serverRestarted()
    return new SimulatedServer(
      new SimulatedProcess(this.runtime, `server-${this.serverCount++}`, this.clockSkew),
      this.dependencies
    )
  }

  restartIfKilled(): void {
    if (this.server.process.killed) this.server = this.startServer()
  }

  /** Stops the server, as on SIGTERM; nothing of it is left then. */
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
      runtime.reportViolation("FLT12", `${leaked} fibers and timers are left of ${server.process.name}`)
    }
  })
}

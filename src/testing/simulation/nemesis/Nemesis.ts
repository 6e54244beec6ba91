/**
 * The nemesis: injects the faults of the plan at their instants, and heals all of them afterwards. It decides nothing;
 * every choice is in the plan.
 */
import type { SimulatedDisk } from "../cluster/SimulatedDisk.ts"
import type { SimulatedIndex } from "../cluster/SimulatedIndex.ts"
import type { SimulatedModel } from "../cluster/SimulatedModel.ts"
import type { SimulatedNetwork } from "../cluster/SimulatedNetwork.ts"
import type { SimulatedServer } from "../cluster/SimulatedServer.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import { describeFault, type Fault, type FaultPlan } from "./FaultPlan.ts"

/** A client device, as the nemesis disturbs it. */
export interface DisturbedDevice {
  readonly goOffline: (millis: number) => void
  readonly reload: () => void
  readonly corruptReplica: (topic: number) => void
}

/** The targets of faults. */
export interface FaultTarget {
  readonly runtime: SimulationRuntime
  readonly oracle: DurableModel
  readonly faultPlan: FaultPlan
  readonly network: SimulatedNetwork
  readonly disk: SimulatedDisk
  readonly index: SimulatedIndex
  readonly model: SimulatedModel
  readonly users: ReadonlyArray<DisturbedDevice>
  readonly server: SimulatedServer
  /** Offset of the server's clock, in milliseconds; also for servers that start later. */
  clockSkew: number
  readonly restartIfKilled: () => void
}

/** Schedules every fault of the plan. */
export const scheduleFaults = (target: FaultTarget): void => {
  for (const fault of target.faultPlan.faults) target.runtime.schedule(fault.at, () => injectFault(target, fault))
}

const injectFault = (target: FaultTarget, fault: Fault): void => {
  const { disk, index, network, users, model, oracle, runtime } = target
  runtime.record(describeFault(fault))
  const connections = [...network.connections]
  const connection = "connection" in fault && connections.length > 0
    ? connections[fault.connection % connections.length]
    : undefined
  switch (fault._tag) {
    case "Cut":
      return connection && network.disconnect(connection, fault.how)
    case "Stall":
      return connection && network.stall(connection, fault.side, fault.millis)
    case "Slow": {
      if (connection === undefined) return
      connection.down.bandwidth = fault.bytesPerMilli
      runtime.schedule(fault.millis, () => {
        connection.down.bandwidth = 1_000
      })
      return
    }
    case "Crash":
      if (!target.server.process.killed) target.server.kill(fault.silent)
      return void runtime.schedule(fault.millis, () => target.restartIfKilled())
    case "Restart": {
      const { server } = target
      if (!server.isServing) return
      return server.stop(() => {
        server.kill(false)
        runtime.schedule(fault.millis, () => target.restartIfKilled())
      })
    }
    case "DiskStall":
      disk.stalledUntil = runtime.now + fault.millis
      return
    case "DiskError":
      disk.failingUntil = runtime.now + fault.millis
      return
    case "DiskFull":
      disk.fullUntil = runtime.now + fault.millis
      return
    case "AmbiguousCommit":
      disk.ambiguousCommitRate = 0.3
      return void runtime.schedule(fault.millis, () => {
        disk.ambiguousCommitRate = 0
      })
    case "ModelDown":
      model.failureRate = 1
      return void runtime.schedule(fault.millis, () => {
        model.failureRate = 0.1
      })
    case "ClockJump":
      target.clockSkew += fault.millis
      oracle.serverClockSkews.add(target.clockSkew)
      target.server.process.clockSkew = target.clockSkew
      return
    case "Offline":
      return users[fault.user % users.length]?.goOffline(fault.millis)
    case "Reload":
      return users[fault.user % users.length]?.reload()
    case "CorruptReplica":
      return users[fault.user % users.length]?.corruptReplica(fault.topic)
    case "IndexDown":
      index.unavailableUntil = runtime.now + fault.millis
      return
    case "IndexLost":
      return index.wipe()
  }
}

/** Removes every fault, and restarts the server if it was killed. */
export const healAll = (target: FaultTarget): void => {
  const { disk, index, network, model } = target
  disk.stalledUntil = 0
  disk.failingUntil = 0
  disk.fullUntil = 0
  disk.ambiguousCommitRate = 0
  model.failureRate = 0
  model.hangRate = 0
  index.failureRate = 0
  index.unavailableUntil = 0
  network.heal()
  target.restartIfKilled()
}

/** What goes wrong, while things go wrong, and the end of it. */
import type { SimulatedCluster } from "../cluster/SimulatedCluster.ts"
import { describeFault, type Fault } from "./FaultPlan.ts"

/** All of the plan's faults, each in its time. */
export const scheduleFaults = (cluster: SimulatedCluster): void => {
  for (const fault of cluster.faultPlan.faults) cluster.runtime.schedule(fault.at, () => injectFault(cluster, fault))
}

const injectFault = (cluster: SimulatedCluster, fault: Fault): void => {
  const { disk, index, network, users, model, oracle, runtime } = cluster
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
      if (!cluster.server.process.killed) cluster.server.kill(fault.silent)
      return void runtime.schedule(fault.millis, () => cluster.restartIfKilled())
    case "Restart": {
      const { server } = cluster
      if (!server.isServing) return
      return server.stop(() => {
        server.kill(false)
        runtime.schedule(fault.millis, () => cluster.restartIfKilled())
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
      cluster.clockSkew += fault.millis
      oracle.serverClockSkews.add(cluster.clockSkew)
      cluster.server.process.clockSkew = cluster.clockSkew
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

/** Nothing goes wrong any more. */
export const healAll = (cluster: SimulatedCluster): void => {
  const { disk, index, network, model } = cluster
  disk.stalledUntil = 0
  disk.failingUntil = 0
  disk.fullUntil = 0
  disk.ambiguousCommitRate = 0
  model.failureRate = 0
  model.hangRate = 0
  index.failureRate = 0
  index.unavailableUntil = 0
  network.heal()
  cluster.restartIfKilled()
}

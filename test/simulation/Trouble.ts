/** What goes wrong, while things go wrong, and the end of it. */
import { describe, type Fault } from "./Plan.ts"
import type { Scene } from "./Scene.ts"

/** All of the plan's faults, each in its time. */
export const schedule = (scene: Scene): void => {
  for (const fault of scene.plan.faults) scene.world.after(fault.at, () => fail(scene, fault))
}

const fail = (scene: Scene, fault: Fault): void => {
  const { disk, index, network, people, provider, truth, world } = scene
  world.note(describe(fault))
  const lines = [...network.lines]
  const line = "line" in fault && lines.length > 0 ? lines[fault.line % lines.length] : undefined
  switch (fault._tag) {
    case "Cut":
      return line && network.cut(line, fault.how)
    case "Stall":
      return line && network.stall(line, fault.side, fault.millis)
    case "Slow": {
      if (line === undefined) return
      line.down.bandwidth = fault.bytesPerMilli
      world.after(fault.millis, () => {
        line.down.bandwidth = 1_000
      })
      return
    }
    case "Crash":
      if (!scene.server.process.dead) scene.server.kill(fault.silent)
      return void world.after(fault.millis, () => scene.revive())
    case "Restart": {
      const { server } = scene
      if (!server.serving) return
      return server.stop(() => {
        server.kill(false)
        world.after(fault.millis, () => scene.revive())
      })
    }
    case "DiskStall":
      disk.stalledUntil = world.now + fault.millis
      return
    case "DiskError":
      disk.failingUntil = world.now + fault.millis
      return
    case "DiskFull":
      disk.fullUntil = world.now + fault.millis
      return
    case "DiskDoubt":
      disk.doubt = 0.3
      return void world.after(fault.millis, () => {
        disk.doubt = 0
      })
    case "ModelDown":
      provider.failing = 1
      return void world.after(fault.millis, () => {
        provider.failing = 0.1
      })
    case "ClockJump":
      scene.skew += fault.millis
      truth.skews.add(scene.skew)
      scene.server.process.skew = scene.skew
      return
    case "Offline":
      return people[fault.person % people.length]?.offline(fault.millis)
    case "Reload":
      return people[fault.person % people.length]?.reload()
    case "Drift":
      return people[fault.person % people.length]?.spoil(fault.topic)
    case "IndexDown":
      index.downUntil = world.now + fault.millis
      return
    case "IndexLost":
      return index.lose()
  }
}

/** Nothing goes wrong any more. */
export const end = (scene: Scene): void => {
  const { disk, index, network, provider } = scene
  disk.stalledUntil = 0
  disk.failingUntil = 0
  disk.fullUntil = 0
  disk.doubt = 0
  provider.failing = 0
  provider.hanging = 0
  index.failing = 0
  index.downUntil = 0
  network.heal()
  scene.revive()
}

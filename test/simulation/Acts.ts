/** What happens to everybody at once: another server takes over, a week passes, and in the end all leave. */
import { Effect } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import type { State as ThreadState } from "../../src/domain/kinds/ThreadModel.ts"
import { Socket } from "../../src/services/Socket.ts"
import { Topics } from "../../src/services/Topics.ts"
import { attic } from "./Attic.ts"
import { plaza } from "./Plaza.ts"
import * as Rest from "./Rest.ts"
import type { Scene } from "./Scene.ts"
import * as Trouble from "./Trouble.ts"

const eightDays = 8 * 24 * 60 * 60_000

/**
 * SYN11: in the middle of everything a server gives way to the next. Each client is told beforehand and closed with
 * a code that lets it come back, and what was acknowledged is there (TOP4). Gives those who were sent away.
 */
export const replace = Effect.fnUntraced(function*(scene: Scene) {
  const { network, people, world } = scene
  world.note("calm")
  Trouble.end(scene)
  // A restart that is under way takes as long as the disk does. Then long enough for whoever waits to connect again.
  yield* world.live(world.now + 30_000, () => scene.server.serving)
  yield* world.live(world.now + 1_500, () => false)
  const { server } = scene
  const sentAway = people.filter((person) => person.online)
  const lines = [...network.lines].filter((line) => line.server === server.process && line.port !== undefined)
  yield* scene.stop(30_000)
  // What was said last is still on its way.
  yield* world.live(world.now + 500, () => false)
  for (const line of lines) {
    const left = line.code === undefined && line.clientThinks === "closed"
    if (!left && !(line.saidGoodbye && line.code === closeCode.restart)) {
      world.violate("SYN11", `${line.client.name} was closed with ${line.code}, goodbye: ${line.saidGoodbye}`)
    }
  }
  server.kill(false)
  scene.revive()
  yield* world.live(world.now + 1_500, () => false)
  return sentAway
})

/** SYN11: everybody who was sent away is in step with the next server soon. */
export const back = Effect.fnUntraced(function*(scene: Scene, sentAway: Scene["people"]) {
  const why = yield* Rest.wait(scene, () => Rest.behind(scene, sentAway), 15_000)
  if (why !== undefined) scene.world.violate("SYN11", `15 s after a drain ${why}`)
})

/** A week later, under another server, every vote is over. Gives how long it took to come to rest. */
export const weekLater = Effect.fnUntraced(function*(scene: Scene) {
  const { server, truth, world } = scene
  yield* scene.stop(60_000)
  server.kill(false)
  world.now += eightDays
  scene.revive()
  const took = yield* Rest.converge(scene, "a week later")
  for (const topic of [plaza, attic]) {
    const state = truth.at(topic)?.states.at(-1) as ThreadState | undefined
    const open = state?.submissions.filter(({ status }) => status === "pending") ?? []
    if (open.length > 0) world.violate("TOP6", `${open.length} votes of ${topic} did not end`)
  }
  return took
})

/** Everybody leaves: subscriptions, topics, timers go. */
export const leave = Effect.fnUntraced(function*(scene: Scene) {
  const { people, plan, server, world } = scene
  for (const person of people) person.leave()
  yield* world.live(world.now + 3 * plan.limits.passivateAfter + 5_000, () => false)
  for (const person of people) {
    if (person.remains > 0) world.violate("FLT12", `${person.remains} fibers and timers are left of ${person.name}`)
  }
  const left = server.look((services) =>
    Effect.gen(function*() {
      const { live, subscriptions } = yield* (yield* Topics).stats
      return { live, subscriptions, connections: yield* (yield* Socket).getConnectionCount }
    }).pipe(Effect.provide(services))
  )
  if (left === undefined || left.live + left.subscriptions + left.connections > 0) {
    world.violate("ROO8", `after everybody left: ${JSON.stringify(left)}`)
  }
  yield* scene.stop(60_000)
})

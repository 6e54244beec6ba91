/** What must come to rest, and by when (FLT7, SYN10). */
import { Effect } from "effect"
import type { Scene } from "./Scene.ts"
import { settled } from "./Settled.ts"

/** Waits until nobody says why not, for `patience` at most; what was said last. */
export const wait = Effect.fnUntraced(function*(
  { world }: Scene,
  restless: () => string | undefined,
  patience: number
) {
  const end = world.now + patience
  let why = restless()
  while (why !== undefined && world.now < end) {
    yield* world.live(world.now + 250, () => false)
    why = restless()
  }
  return why
})

/** Who is not in step with the logs. */
export const behind = ({ server }: Scene, people: Scene["people"]): string | undefined => {
  if (!server.serving) return "the server does not serve"
  for (const person of people) {
    const why = person.restless
    if (why !== undefined) return why
  }
  return undefined
}

/** Why the world is not at rest; undefined when it is. */
const restless = (scene: Scene): string | undefined => {
  const { disk, index, people, server, truth } = scene
  if (!server.serving) return "the server does not serve"
  if (!disk.idle) return "the disk is busy"
  for (const [topic, { kind, states }] of truth.topics) {
    const [owed] = kind.pending(states.at(-1))
    if (owed !== undefined) return `${topic} is owed ${owed._tag} ${owed.id}`
  }
  return behind(scene, people) ?? index.differs
}

/** Whose rule it is that there is no rest. */
const ruleOf = (why: string): string => why.startsWith("the index") ? "STO4" : why.endsWith("spoilt") ? "SYN7" : "SYN10"

/** FLT7: everybody agrees within a minute of peace. Gives how long it took. */
export const converge = Effect.fnUntraced(function*(scene: Scene, when: string) {
  const { disk, people, truth, world } = scene
  const start = world.now
  const patience = 60_000
  const why = yield* wait(scene, () => restless(scene), patience)
  const took = world.now - start
  if (why === undefined) {
    for (const person of people) person.check(true)
    settled(world, truth, disk)
  } else {
    world.violate(ruleOf(why), `${when}, after ${patience} ms of peace, ${why}`)
  }
  return took
})

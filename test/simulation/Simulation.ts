/**
 * One seed: a server, six devices, everything that goes wrong, and then peace,
 * in which all must come to rest (TOP2-TOP6, SYN2-SYN5, FLT1, FLT7).
 */
import { Effect } from "effect"
import { Socket } from "../../src/services/Socket.ts"
import * as Acts from "./Acts.ts"
import * as Guards from "./Guards.ts"
import { busy, type Fault } from "./Plan.ts"
import * as Rest from "./Rest.ts"
import { type Options, Scene } from "./Scene.ts"
import * as Trouble from "./Trouble.ts"

export interface Report {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  /** The same for every run of a seed. */
  readonly digest: string
  readonly faults: ReadonlyArray<Fault>
  readonly stats: Readonly<Record<string, number>>
  readonly story: ReadonlyArray<string>
}

/** Now and then: copies are folds, and no queue is over its cap (CON8). */
const sample = ({ people, plan, server, world }: Scene): void => {
  for (const person of people) person.check(false)
  if (server.process.dead) return
  const most = server.look((services) =>
    Effect.map(
      Effect.flatMap(Effect.provide(Socket, services), (socket) => socket.getAllConnections),
      (all) => Math.max(0, ...all.map((connection) => connection.bufferedAmount()))
    )
  )
  if (most !== undefined && most > plan.limits.outboxMax + plan.limits.frameBytes) {
    world.violate("CON8", `${most} bytes wait for one connection`)
  }
}

const watch = (scene: Scene): void => {
  scene.world.after(1_000, () => {
    sample(scene)
    watch(scene)
  })
}

const peace = (scene: Scene): void => {
  scene.world.note("peace")
  Trouble.end(scene)
  for (const person of scene.people) person.rest()
}

/** From the first word to the last; gives how long it took at most to come to rest. */
const play = Effect.fnUntraced(function*(scene: Scene) {
  const { plan, world } = scene
  Trouble.schedule(scene)
  watch(scene)
  yield* world.live(world.now + busy, () => false)
  const sentAway = plan.replaced ? yield* Acts.replace(scene) : []
  peace(scene)
  if (plan.replaced) yield* Acts.back(scene, sentAway)
  let convergedIn = yield* Rest.converge(scene, "at the end")
  if (world.violations.length === 0) convergedIn = Math.max(convergedIn, yield* Acts.weekLater(scene))
  if (world.violations.length === 0) yield* Acts.leave(scene)
  return convergedIn
})

const report = (seed: string, { checker, plan, servers, truth, world }: Scene, convergedIn: number): Report => {
  const events = [...truth.topics.values()].reduce((sum, { entries }) => sum + entries.length, 0)
  return {
    seed,
    violations: world.violations,
    digest: world.digest,
    faults: plan.faults,
    story: world.story ?? [],
    stats: { ...checker.counts, events, servers, sends: truth.sends.size, convergedIn }
  }
}

/** Runs one seed. Nothing of the real world is asked meanwhile. */
export const simulate = (seed: string, options: Options = {}): Effect.Effect<Report> =>
  Effect.suspend(() => {
    const guards = Guards.install()
    const scene = new Scene(seed, options)
    return play(scene).pipe(
      Effect.catchDefect((defect) =>
        Effect.sync(() => {
          scene.world.violate("FLT25", defect instanceof Error ? defect.stack ?? defect.message : String(defect))
          return 0
        })
      ),
      Effect.map((convergedIn) => {
        if (guards.asked.size > 0) scene.world.violate("OPS", `asked for the real ${[...guards.asked].join()}`)
        return report(seed, scene, convergedIn)
      }),
      Effect.ensuring(Effect.sync(guards.restore))
    )
  })

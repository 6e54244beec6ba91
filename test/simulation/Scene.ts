/** What one seed sets in motion: a world, the server that lives in it for the moment, and the people. */
import { Effect } from "effect"
import * as Bugs from "./Bugs.ts"
import { Checker } from "./Checker.ts"
import { Disk } from "./Disk.ts"
import { Index } from "./Index.ts"
import * as Key from "./Key.ts"
import { Network } from "./Network.ts"
import { Person } from "./Person.ts"
import { type Fault, type Plan, plan } from "./Plan.ts"
import { Process } from "./Process.ts"
import { Provider } from "./Provider.ts"
import { Server, type Surroundings } from "./Server.ts"
import { Truth } from "./Truth.ts"
import { World } from "./World.ts"

export interface Options {
  readonly bug?: Bugs.Name | undefined
  /** In place of those that the seed decides. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** Keeps all that happened, line by line. */
  readonly story?: boolean | undefined
}

const devices = [["ann", "desk"], ["ann", "phone"], ["ben", "desk"], ["cat", "desk"], ["dan", "desk"], ["eve", "desk"]]

export class Scene {
  readonly world: World
  readonly truth: Truth
  readonly checker: Checker
  readonly plan: Plan
  readonly network: Network
  readonly disk: Disk
  readonly index: Index
  readonly provider: Provider
  readonly people: ReadonlyArray<Person>
  /** The one that lives, or the last one that did. */
  server: Server
  servers = 0
  /** How wrong the servers' clock is. */
  skew = 0
  private readonly around: Surroundings

  constructor(seed: string, { bug, faults, story = false }: Options) {
    this.world = new World(seed, story)
    const planned = plan(this.world.dice.stream("plan"))
    this.truth = new Truth(this.world)
    this.checker = new Checker(this.world, this.truth)
    this.plan = { ...planned, faults: faults ?? planned.faults }
    this.network = new Network(this.world, this.checker)
    this.disk = new Disk(this.world, this.truth)
    this.index = new Index(this.world, this.truth)
    const authors = ["ann", "cat"].map(Key.userOf)
    this.provider = new Provider(this.world, authors, this.checker.paid)
    this.around = {
      disk: this.disk,
      index: this.index,
      network: this.network,
      provider: this.provider,
      limits: this.plan.limits,
      settled: this.checker.settled,
      plant: bug === undefined ? {} : Bugs.plant(bug, this.world)
    }
    this.around.plant.network?.(this.network)
    this.server = this.boot()
    this.people = devices.map(([name, device]) =>
      new Person(this.world, this.network, this.truth, name ?? "", device ?? "")
    )
  }

  private boot(): Server {
    this.truth.restarted()
    return new Server(new Process(this.world, `server-${this.servers++}`, this.skew), this.around)
  }

  revive(): void {
    if (this.server.process.dead) this.server = this.boot()
  }

  /** Stops the server, as on SIGTERM; nothing of it is left then. */
  readonly stop = Effect.fnUntraced({ self: this }, function*(this: Scene, patience: number) {
    const { server, world } = this
    let stopped = false
    server.stop(() => {
      stopped = true
    })
    yield* world.live(world.now + patience, () => stopped)
    if (!stopped) world.violate("SYN11", "the server did not stop")
    const left = server.process.fibers.size + world.timersOf(server.process)
    if (stopped && left > 1) world.violate("FLT12", `${left} fibers and timers are left of ${server.process.name}`)
  })
}

/**
 * One seed: a server, six devices, everything that goes wrong, and then peace,
 * in which all must come to rest (TOP2-TOP6, SYN2-SYN5, FLT1, FLT7).
 */
import { Effect } from "effect"
import { closeCode } from "../../src/domain/CloseCode.ts"
import type { State as ThreadState } from "../../src/domain/kinds/ThreadModel.ts"
import { Socket } from "../../src/services/Socket.ts"
import { Topics } from "../../src/services/Topics.ts"
import * as Bugs from "./Bugs.ts"
import { Checker } from "./Checker.ts"
import { Disk } from "./Disk.ts"
import * as Guards from "./Guards.ts"
import { Index } from "./Index.ts"
import * as Key from "./Key.ts"
import { Network } from "./Network.ts"
import { attic, Person, plaza } from "./Person.ts"
import { busy, describe, type Fault, type Plan, plan } from "./Plan.ts"
import { Process } from "./Process.ts"
import { Provider } from "./Provider.ts"
import { Server, type Surroundings } from "./Server.ts"
import { settled } from "./Settled.ts"
import { Truth } from "./Truth.ts"
import { World } from "./World.ts"

export interface Options {
  readonly bug?: Bugs.Name | undefined
  /** In place of those that the seed decides. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** Keeps all that happened, line by line. */
  readonly story?: boolean | undefined
}

export interface Report {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  /** The same for every run of a seed. */
  readonly digest: string
  readonly faults: ReadonlyArray<Fault>
  readonly stats: Readonly<Record<string, number>>
  readonly story: ReadonlyArray<string>
}

const devices = [["ann", "desk"], ["ann", "phone"], ["ben", "desk"], ["cat", "desk"], ["dan", "desk"], ["eve", "desk"]]
const eightDays = 8 * 24 * 60 * 60_000

class Run {
  readonly world: World
  readonly truth: Truth
  readonly checker: Checker
  readonly plan: Plan
  private readonly network: Network
  private readonly disk: Disk
  private readonly index: Index
  private readonly provider: Provider
  private readonly around: Surroundings
  private readonly people: ReadonlyArray<Person>
  private server: Server
  private servers = 0
  private sentAway: ReadonlyArray<Person> = []
  private skew = 0
  private convergedIn = 0

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
    const start = this.world.now
    for (const fault of this.plan.faults) this.world.after(start + fault.at - this.world.now, () => this.fail(fault))
    const watch = () => {
      this.sample()
      this.world.after(1_000, watch)
    }
    this.world.after(1_000, watch)
  }

  private boot(): Server {
    this.truth.restarted()
    return new Server(new Process(this.world, `server-${this.servers++}`, this.skew), this.around)
  }

  // -- What goes wrong --

  private fail(fault: Fault): void {
    const { disk, network, people, provider, world } = this
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
        if (!this.server.process.dead) this.server.kill(fault.silent)
        return void world.after(fault.millis, () => this.revive())
      case "Restart": {
        const { server } = this
        if (!server.serving || server.process.dead) return
        return server.stop(() => {
          server.kill(false)
          world.after(fault.millis, () => this.revive())
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
        this.skew += fault.millis
        this.truth.skews.add(this.skew)
        this.server.process.skew = this.skew
        return
      case "Offline":
        return people[fault.person % people.length]?.offline(fault.millis)
      case "Reload":
        return people[fault.person % people.length]?.reload()
      case "Drift":
        return people[fault.person % people.length]?.spoil(fault.topic)
      case "IndexDown":
        this.index.downUntil = world.now + fault.millis
        return
      case "IndexLost":
        return this.index.lose()
    }
  }

  private revive(): void {
    if (this.server.process.dead) this.server = this.boot()
  }

  /** Nothing goes wrong any more. */
  private calm(): void {
    const { disk, index, network, provider } = this
    disk.stalledUntil = 0
    disk.failingUntil = 0
    disk.fullUntil = 0
    disk.doubt = 0
    provider.failing = 0
    provider.hanging = 0
    index.failing = 0
    index.downUntil = 0
    network.heal()
    this.revive()
  }

  private peace(): void {
    this.world.note("peace")
    this.calm()
    for (const person of this.people) person.rest()
  }

  // -- What must hold --

  /** Now and then: copies are folds, and no queue is over its cap (CON8). */
  private sample(): void {
    for (const person of this.people) person.check(false)
    if (this.server.process.dead) return
    const most = this.server.look((services) =>
      Effect.map(
        Effect.flatMap(Effect.provide(Socket, services), (socket) => socket.getAllConnections),
        (all) => Math.max(0, ...all.map((connection) => connection.bufferedAmount()))
      )
    )
    if (most !== undefined && most > this.plan.limits.outboxMax + this.plan.limits.frameBytes) {
      this.world.violate("CON8", `${most} bytes wait for one connection`)
    }
  }

  /** Why the world is not at rest; undefined when it is. */
  private restless(): string | undefined {
    if (!this.server.serving || this.server.process.dead) return "the server does not serve"
    if (!this.disk.idle) return "the disk is busy"
    for (const [topic, { kind, states }] of this.truth.topics) {
      const [owed] = kind.pending(states.at(-1))
      if (owed !== undefined) return `${topic} is owed ${owed._tag} ${owed.id}`
    }
    return this.behind() ?? this.index.differs
  }

  /** Who is not in step with the logs. */
  private behind(people = this.people): string | undefined {
    if (!this.server.serving || this.server.process.dead) return "the server does not serve"
    for (const person of people) {
      const why = person.restless
      if (why !== undefined) return why
    }
    return undefined
  }

  /** Whose rule it is that there is no rest. */
  private blame(why: string, what: string): readonly [rule: string, what: string] {
    return [why.startsWith("the index") ? "STO4" : why.endsWith("spoilt") ? "SYN7" : "SYN10", what]
  }

  /** Waits until nobody says why not, for `patience` at most; what was said last. */
  private readonly rested = Effect.fnUntraced({ self: this }, function*(
    this: Run,
    restless: () => string | undefined,
    patience: number
  ) {
    const { world } = this
    const end = world.now + patience
    let why = restless()
    while (why !== undefined && world.now < end) {
      yield* world.live(world.now + 250, () => false)
      why = restless()
    }
    return why
  })

  /** FLT7: everybody agrees within a minute of peace. */
  readonly converge = Effect.fnUntraced({ self: this }, function*(this: Run, when: string) {
    const start = this.world.now
    const patience = 60_000
    const why = yield* this.rested(() => this.restless(), patience)
    this.convergedIn = Math.max(this.convergedIn, this.world.now - start)
    if (why !== undefined) {
      return this.world.violate(...this.blame(why, `${when}, after ${patience} ms of peace, ${why}`))
    }
    for (const person of this.people) person.check(true)
    settled(this.world, this.truth, this.disk)
  })

  /** A week later, under another server, every vote is over. */
  readonly weekLater = Effect.fnUntraced({ self: this }, function*(this: Run) {
    const { server, world } = this
    let stopped = false
    server.stop(() => {
      stopped = true
    })
    yield* world.live(world.now + 60_000, () => stopped)
    this.quiet(server, stopped)
    server.kill(false)
    world.now += eightDays
    this.revive()
    yield* this.converge("a week later")
    for (const topic of [plaza, attic]) {
      const state = this.truth.at(topic)?.states.at(-1) as ThreadState | undefined
      const open = state?.submissions.filter(({ status }) => status === "pending") ?? []
      if (open.length > 0) world.violate("TOP6", `${open.length} votes of ${topic} did not end`)
    }
  })

  /**
   * SYN11: in the middle of everything a server gives way to the next. Each client is told beforehand and closed with
   * a code that lets it come back, and what was acknowledged is there (TOP4).
   */
  readonly replace = Effect.fnUntraced({ self: this }, function*(this: Run) {
    const { network, world } = this
    world.note("calm")
    this.calm()
    // Long enough for whoever waits to connect again.
    yield* world.live(world.now + 3_000, () => this.server.serving)
    yield* world.live(world.now + 1_500, () => false)
    const { server } = this
    this.sentAway = this.people.filter((person) => person.online)
    const lines = [...network.lines].filter((line) => line.server === server.process && line.port !== undefined)
    let stopped = false
    const start = world.now
    server.stop(() => {
      stopped = true
    })
    yield* world.live(start + 30_000, () => stopped)
    this.quiet(server, stopped)
    // What was said last is still on its way.
    yield* world.live(world.now + 500, () => false)
    for (const line of lines) {
      const left = line.code === undefined && line.clientThinks === "closed"
      if (!left && !(line.saidGoodbye && line.code === closeCode.restart)) {
        world.violate("SYN11", `${line.client.name} was closed with ${line.code}, goodbye: ${line.saidGoodbye}`)
      }
    }
    server.kill(false)
    this.revive()
    yield* world.live(world.now + 1_500, () => false)
  })

  /** SYN11: everybody who was sent away is in step with the next server soon. */
  readonly back = Effect.fnUntraced({ self: this }, function*(this: Run) {
    const why = yield* this.rested(() => this.behind(this.sentAway), 15_000)
    if (why !== undefined) this.world.violate("SYN11", `15 s after a drain ${why}`)
  })

  /** Nothing of a server that was stopped is left. */
  private quiet({ process }: Server, stopped: boolean): void {
    if (!stopped) this.world.violate("SYN11", "the server did not stop")
    const left = process.fibers.size + this.world.timersOf(process)
    if (stopped && left > 1) this.world.violate("FLT12", `${left} fibers and timers are left of ${process.name}`)
  }

  /** Everybody leaves: subscriptions, topics, timers go. */
  readonly leave = Effect.fnUntraced({ self: this }, function*(this: Run) {
    const { people, plan, server, world } = this
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
    let stopped = false
    server.stop(() => {
      stopped = true
    })
    yield* world.live(world.now + 60_000, () => stopped)
    this.quiet(server, stopped)
  })

  readonly whole = Effect.gen({ self: this }, function*() {
    const { world } = this
    yield* world.live(world.now + busy, () => false)
    if (this.plan.replaced) yield* this.replace()
    this.peace()
    if (this.plan.replaced) yield* this.back()
    yield* this.converge("at the end")
    if (world.violations.length === 0) yield* this.weekLater()
    if (world.violations.length === 0) yield* this.leave()
  })

  report(seed: string): Report {
    const { checker, convergedIn, plan, truth, world } = this
    const events = [...truth.topics.values()].reduce((sum, { entries }) => sum + entries.length, 0)
    return {
      seed,
      violations: world.violations,
      digest: world.digest,
      faults: plan.faults,
      story: world.story ?? [],
      stats: { ...checker.counts, events, servers: this.servers, sends: truth.sends.size, convergedIn }
    }
  }
}

/** Runs one seed. Nothing of the real world is asked meanwhile. */
export const simulate = (seed: string, options: Options = {}): Effect.Effect<Report> =>
  Effect.suspend(() => {
    const guards = Guards.install()
    const run = new Run(seed, options)
    return run.whole.pipe(
      Effect.catchDefect((defect) =>
        Effect.sync(() =>
          run.world.violate("FLT25", defect instanceof Error ? defect.stack ?? defect.message : String(defect))
        )
      ),
      Effect.map(() => {
        if (guards.asked.size > 0) run.world.violate("OPS", `asked for the real ${[...guards.asked].join()}`)
        return run.report(seed)
      }),
      Effect.ensuring(Effect.sync(guards.restore))
    )
  })

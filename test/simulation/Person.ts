/** Somebody with a device: the real client over the simulated network, doing what comes to mind. */
import { Effect, Exit, Scope } from "effect"
import { isDeepStrictEqual } from "node:util"
import { kindOf, type TopicId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as RoomModel from "../../src/domain/kinds/RoomModel.ts"
import { thread } from "../../src/domain/kinds/Thread.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import * as Attic from "./Attic.ts"
import type { Dice } from "./Dice.ts"
import { Errands } from "./Errands.ts"
import * as Hall from "./Hall.ts"
import * as Key from "./Key.ts"
import { Life } from "./Life.ts"
import type { Network } from "./Network.ts"
import * as Plaza from "./Plaza.ts"
import { Process } from "./Process.ts"
import type { Truth } from "./Truth.ts"
import type { World } from "./World.ts"

const { attic } = Attic
const { hall } = Hall
const { plaza } = Plaza

export class Person {
  readonly name: string
  readonly device: string
  private readonly world: World
  private readonly network: Network
  private readonly truth: Truth
  private readonly dice: Dice
  private readonly skew: number
  private readonly checked = new Map<TopicId, unknown>()
  private readonly errands: Errands
  private lives = 0
  private life: Life
  private pause: readonly [number, number]
  private active = true
  private alive = true

  constructor(world: World, network: Network, truth: Truth, name: string, device: string) {
    this.world = world
    this.network = network
    this.truth = truth
    this.name = name
    this.device = device
    this.dice = world.dice.stream(`person ${name} ${device}`)
    this.pause = this.dice.pick([[50, 500], [100, 1_500], [300, 3_000]])
    this.skew = this.dice.chance(0.3) ? this.dice.int(-3_600_000, 3_600_000) : 0
    this.errands = new Errands(world, truth, this.dice)
    this.life = this.begin()
    this.world.after(this.dice.int(10, 1_000), () => this.think())
    this.world.after(500, () => this.mind())
  }

  private get me() {
    return Key.userOf(this.name)
  }

  private begin(): Life {
    const process = new Process(this.world, `${this.name}-${this.device}-${this.lives++}`, this.skew)
    return new Life(process, this.network, this.truth, this.name)
  }

  /** Everything this device shows is read through this. */
  private replica(topic: TopicId) {
    return this.life.client.state().replicas.get(topic)
  }

  // -- Acting --

  private think(): void {
    if (!this.active) return
    const { client, watched } = this.life
    for (const topic of [plaza, hall]) if (!watched.has(topic)) this.watch(topic)
    if (client.phase()._tag === "Disconnected" && this.dice.chance(0.5)) client.start()
    // People who get no answers stop asking at some point.
    if (this.errands.waiting < 8) this.act()
    if (this.dice.chance(0.15)) this.inAttic()
    this.world.after(this.dice.int(...this.pause), () => this.think())
  }

  /** What an owner does on the side: asks again for what was refused, connects again after a rest. */
  private mind(): void {
    const { client, watched } = this.life
    if (client.phase()._tag === "Disconnected" && (!this.active || this.dice.chance(0.3))) client.start()
    const topics = [...watched.keys()]
    for (const topic of topics) {
      if (this.replica(topic)?.sync._tag === "Refused" && (topic !== attic || this.active)) {
        this.unwatch(topic)
        this.watch(topic)
      }
    }
    this.world.after(700, () => {
      if (this.alive) this.mind()
    })
  }

  private watch(topic: TopicId): void {
    const { client, watched } = this.life
    const look = () => undefined
    watched.set(
      topic,
      kindOf(topic) === "room" ? client.topic(room, topic).on(look) : client.topic(thread, topic).on(look)
    )
  }

  private unwatch(topic: TopicId): void {
    this.life.watched.get(topic)?.()
    this.life.watched.delete(topic)
  }

  private act(): void {
    const roll = this.dice.int(0, 99)
    const state = this.replica(plaza)?.decided as ThreadModel.State | undefined
    if (this.name === "ann" && state?.status === "absent") {
      return this.send(plaza, { _tag: "create_thread", name: "plaza" })
    }
    if (this.name === "ben" && this.truth.at(attic)?.entries.length === 0 && roll < 30) {
      this.watch(attic)
      return this.send(attic, { _tag: "create_thread", name: "attic", visibility: "members" })
    }
    if (roll < 35) return this.inHall()
    if (roll < 85) return state && this.send(plaza, Plaza.idea(this.dice, state, this.text))
    this.aside(roll)
  }

  private aside(roll: number): void {
    const { client, watched } = this.life
    if (roll < 88) return client.topic(room, hall).signal("cursor", this.dice.int(0, 99))
    if (roll < 91) return watched.has(attic) ? this.unwatch(attic) : this.watch(attic)
    if (roll < 93) return this.life.process.run(Effect.ignore(client.threads({ public: true })))
    if (roll < 95) return this.life.process.run(Effect.ignore(client.user))
    if (roll < 97) return this.life.process.run(Effect.ignore(client.messages(plaza)))
    if (roll < 98) return this.unwatch(plaza)
  }

  private readonly text = (): string =>
    `${this.life.instance} says ${this.dice.int(0, 1_000_000)} ${"x".repeat(this.dice.pick([0, 10, 400]))}`

  private send(topic: TopicId, command: ThreadModel.Command | RoomModel.Command): void {
    this.errands.send(this.life, topic, command)
  }

  private inHall(): void {
    const state = this.replica(hall)?.decided as RoomModel.State | undefined
    if (state !== undefined) this.send(hall, Hall.idea(this.dice, this.me, state, this.text))
  }

  /** Sends all at once; somebody who leaves may have something to say, or to ask, behind it. */
  private inAttic(): void {
    if (this.truth.at(attic)?.entries.length === 0) return
    if (!this.life.watched.has(attic)) this.watch(attic)
    const state = this.replica(attic)?.decided as ThreadModel.State | undefined
    for (const command of Attic.ideas(this.dice, this.me, state, this.text)) this.send(attic, command)
    if (this.dice.chance(0.3)) this.life.client.topic(thread, attic).signal("cursor", this.dice.int(0, 99))
    if (this.dice.chance(0.2)) this.life.process.run(Effect.ignore(this.life.client.messages(attic)))
  }

  // -- What happens to a device --

  /** The page is loaded again: whatever was under way there is unknown. */
  reload(): void {
    const { process } = this.life
    process.kill()
    for (const line of this.network.lines) if (line.client === process) this.network.cut(line, "server hears")
    this.errands.lose()
    this.life = this.begin()
  }

  /** Spoils what it has of a topic. */
  spoil(topic: number): void {
    this.life.drift.spoil(this.life.client.state().replicas, topic === 0 ? plaza : hall)
  }

  offline(millis: number): void {
    const { client, process } = this.life
    client.stop()
    process.after(millis, () => client.start())
  }

  rest(): void {
    this.active = false
    // Every answer to `subscribe` brings a hash (SYN7).
    if (this.life.drift.any) this.offline(1)
    for (const topic of [plaza, hall]) if (!this.life.watched.has(topic)) this.watch(topic)
  }

  get online(): boolean {
    return this.life.client.state().link._tag === "Online"
  }

  /** Why this device is not at rest; undefined when it is. */
  get restless(): string | undefined {
    const { client, drift, instance, watched } = this.life
    const state = client.state()
    if (this.errands.waiting > 0) return `${instance} waits for ${this.errands.waiting} outcomes`
    if (state.link._tag !== "Online") return `${instance} is ${client.phase()._tag}`
    if (state.outbox.length > 0) return `${instance} has ${state.outbox.length} in its outbox`
    for (const topic of watched.keys()) {
      const replica = state.replicas.get(topic)
      if (topic === attic && replica?.sync._tag === "Refused") continue
      if (replica !== undefined && drift.spoilt(replica)) return `${instance}'s copy of ${topic} is still spoilt`
      const durable = this.truth.at(topic)?.entries.length
      if (replica?.sync._tag !== "Live") return `${instance} is not live on ${topic}: ${replica?.sync._tag}`
      if (replica.position?.seq !== durable) {
        return `${instance} is at ${replica.position?.seq} of ${durable} on ${topic}`
      }
    }
    return undefined
  }

  /** Every copy is the fold of a prefix of the log; at rest nothing is expected on top of it. */
  check(atRest: boolean): void {
    for (const replica of this.life.client.state().replicas.values()) {
      if (replica.position === undefined || this.life.drift.spoilt(replica)) continue
      if (!atRest && this.checked.get(replica.topic) === replica.decided) continue
      this.checked.set(replica.topic, replica.decided)
      const state = this.truth.at(replica.topic)?.states[replica.position.seq]
      if (!isDeepStrictEqual(replica.decided, state)) {
        this.world.violate(
          "TOP2",
          `${this.life.instance}'s ${replica.topic} is not the fold at ${replica.position.seq}`
        )
      }
      if (atRest && !isDeepStrictEqual(replica.state, replica.decided)) {
        this.world.violate("SYN10", `${this.life.instance} still shows what it expected of ${replica.topic}`)
      }
    }
  }

  /** Leaves for good. */
  leave(): void {
    this.alive = false
    this.life.process.run(Scope.close(this.life.scope, Exit.void))
  }

  /** Timers and fibers that outlived leaving. */
  get remains(): number {
    return this.world.timersOf(this.life.process) + this.life.process.fibers.size
  }
}

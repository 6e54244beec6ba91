/** Somebody with a device: the real client over the simulated network, doing what comes to mind. */
import { Effect, Exit, Scope } from "effect"
import { isDeepStrictEqual } from "node:util"
import * as Client from "../../src/client/Client.ts"
import { ClientError } from "../../src/client/Fault.ts"
import { CommandId, kindOf, TopicId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as RoomModel from "../../src/domain/kinds/RoomModel.ts"
import { thread } from "../../src/domain/kinds/Thread.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import * as Entropy from "../../src/layers/Entropy.ts"
import * as Attic from "./Attic.ts"
import type { Dice } from "./Dice.ts"
import { Drift } from "./Drift.ts"
import * as Key from "./Key.ts"
import type { Network } from "./Network.ts"
import { Process } from "./Process.ts"
import { audience } from "./Server.ts"
import type { Send, Truth } from "./Truth.ts"
import type { World } from "./World.ts"

export const plaza = TopicId.make("thread:plaza")
export const attic = TopicId.make("thread:attic")
export const hall = TopicId.make("room:hall")

type Command = ThreadModel.Command | RoomModel.Command

/** One life of a device's program; a reload begins another. */
class Life {
  readonly process: Process
  readonly client: Client.Client
  readonly instance: string
  readonly scope = Scope.makeUnsafe()
  readonly watched = new Map<TopicId, () => void>()
  readonly drift: Drift
  sent = 0

  constructor(process: Process, network: Network, truth: Truth, name: string) {
    this.process = process
    this.instance = process.name
    this.drift = new Drift(process.world, truth, process.name)
    const random = process.dice.stream("ids")
    let client: Client.Client | undefined
    process.run(
      Scope.provide(
        Client.make({
          url: audience,
          identity: Key.identity(name),
          kinds: [thread, room],
          connect: () => network.connect(process),
          uuid: () => Entropy.uuid(random)
        }),
        this.scope
      ).pipe(Effect.map((it) => {
        client = it
      }))
    )
    // Making a client waits for nothing.
    if (client === undefined) throw new TypeError("the client was not made at once")
    this.client = client
  }
}

export class Person {
  readonly name: string
  readonly device: string
  private readonly world: World
  private readonly network: Network
  private readonly truth: Truth
  private readonly dice: Dice
  private readonly skew: number
  private readonly checked = new Map<TopicId, unknown>()
  private readonly unresolved = new Set<Send>()
  private lives = 0
  private life: Life
  private pause: readonly [number, number]
  private active = true

  constructor(world: World, network: Network, truth: Truth, name: string, device: string) {
    this.world = world
    this.network = network
    this.truth = truth
    this.name = name
    this.device = device
    this.dice = world.dice.stream(`person ${name} ${device}`)
    this.pause = this.dice.pick([[50, 500], [100, 1_500], [300, 3_000]])
    this.skew = this.dice.chance(0.3) ? this.dice.int(-3_600_000, 3_600_000) : 0
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
    if (this.unresolved.size < 8) this.act()
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

  private alive = true

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
    if (roll < 35) return this.inRoom()
    if (roll < 85) return state === undefined ? undefined : this.inThread(state)
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

  private text(): string {
    return `${this.life.instance} says ${this.dice.int(0, 1_000_000)} ${"x".repeat(this.dice.pick([0, 10, 400]))}`
  }

  /** Sends all at once; somebody who leaves may have something to say, or to ask, behind it. */
  private inAttic(): void {
    if (this.truth.at(attic)?.entries.length === 0) return
    if (!this.life.watched.has(attic)) this.watch(attic)
    const state = this.replica(attic)?.decided as ThreadModel.State | undefined
    for (const command of Attic.ideas(this.dice, this.me, state, () => this.text())) this.send(attic, command)
    if (this.dice.chance(0.3)) this.life.client.topic(thread, attic).signal("cursor", this.dice.int(0, 99))
    if (this.dice.chance(0.2)) this.life.process.run(Effect.ignore(this.life.client.messages(attic)))
  }

  private inRoom(): void {
    const state = this.replica(hall)?.decided as RoomModel.State | undefined
    if (state === undefined) return
    if (!state.members.includes(this.me)) return this.send(hall, { _tag: "join_room" })
    const key = `k${this.dice.int(0, 3)}`
    const [event] = state.scheduled
    const command: RoomModel.Command = this.dice.pick([
      { _tag: "send_message", content: this.text() },
      { _tag: "send_message", content: { n: this.dice.int(0, 9) } },
      { _tag: "set_entry", key, value: this.dice.int(0, 99), ttl_ms: this.dice.int(100, 5_000) },
      { _tag: "set_entry", key, value: this.text() },
      { _tag: "delete_entry", key },
      { _tag: "schedule_event", event_type: "ring", payload: null, delay_ms: this.dice.int(0, 4_000) },
      event === undefined ? { _tag: "join_room" } : { _tag: "cancel_event", event_id: event.id },
      this.dice.chance(0.2) ? { _tag: "leave_room" } : { _tag: "send_message", content: null }
    ])
    this.send(hall, command)
  }

  private inThread(state: ThreadModel.State): void {
    const open = state.submissions.filter(({ status }) => status === "pending")
    const running = state.runs.filter((run) => run.ended_at === null)
    const message = open.length === 0 ? undefined : this.dice.pick(open).id
    const prompt = running.length === 0 ? undefined : this.dice.pick(running).prompt_id
    const roll = this.dice.int(0, 99)
    if (message !== undefined && roll < 40) {
      const decision = this.dice.chance(0.8) ? "approve" : "deny"
      return this.send(plaza, { _tag: "process_approval", message_id: message, decision })
    }
    if (message !== undefined && roll < 45) return this.send(plaza, { _tag: "cancel_submission", message_id: message })
    if (prompt !== undefined && roll < 50) {
      return this.send(plaza, { _tag: "cancel_run", prompt_id: prompt })
    }
    if (roll < 62) return this.send(plaza, { _tag: "submit_prompt", prompt: this.text() })
    if (roll < 66) {
      return this.send(plaza, {
        _tag: "import_messages",
        messages: [{ content: this.text(), source: "a" }, { content: this.text(), source: "b" }]
      })
    }
    this.send(plaza, { _tag: "submit_message", content: this.text() })
  }

  // -- Sending, until there is an answer --

  private send(topic: TopicId, command: Command): void {
    const { life } = this
    const send: Send = {
      id: CommandId.make(Entropy.uuid(this.dice)),
      topic,
      by: life.instance,
      order: life.sent++,
      retried: false,
      outcome: "open"
    }
    this.truth.sends.set(send.id, send)
    this.unresolved.add(send)
    this.attempt(life, send, command)
  }

  private attempt(life: Life, send: Send, command: Command): void {
    const on = kindOf(send.topic) === "room"
      ? life.client.topic(room, send.topic).send(command as RoomModel.Command, send.id)
      : life.client.topic(thread, send.topic).send(command as ThreadModel.Command, send.id)
    life.process.run(
      Effect.map(Effect.exit(on), (exit) => {
        if (Exit.isSuccess(exit)) return this.resolve(send, "receipt")
        const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        if (!(error instanceof ClientError)) return this.resolve(send, "lost")
        if (!error.retryable && error.reason.code !== "closed") return this.resolve(send, "refused")
        send.retried = true
        life.process.after(this.dice.int(100, 2_000), () => this.attempt(life, send, command))
      })
    )
  }

  private resolve(send: Send, outcome: Send["outcome"]): void {
    send.outcome = outcome
    this.unresolved.delete(send)
    this.world.note(`${send.id} ${outcome}`)
    const logged = this.truth.at(send.topic)?.causes.has(send.id) ?? false
    if (outcome === "refused" && logged) this.world.violate("SYN5", `${send.id} was refused, and is in the log`)
  }

  // -- What happens to a device --

  /** The page is loaded again: whatever was under way there is unknown. */
  reload(): void {
    const { process } = this.life
    process.kill()
    for (const line of this.network.lines) if (line.client === process) this.network.cut(line, "server hears")
    for (const send of this.unresolved) send.outcome = "lost"
    this.unresolved.clear()
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
    if (this.unresolved.size > 0) return `${instance} waits for ${this.unresolved.size} outcomes`
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

/**
 * What is durable, folded: the logs of all topics as the disk has them, with
 * the state at every seq. Checks each append as it becomes durable.
 */
import { createHash } from "node:crypto"
import { type Author, type CommandId, kindOf, type TopicId } from "../../src/domain/Ids.ts"
import { shipped } from "../../src/domain/kinds/Kinds.ts"
import { total } from "../../src/domain/kinds/Ledger.ts"
import type * as LedgerModel from "../../src/domain/kinds/LedgerModel.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import * as Log from "../../src/domain/Log.ts"
import type { AnyKind } from "../../src/domain/Topic.ts"
import type { Append } from "../../src/services/EventLog.ts"
import type { World } from "./World.ts"

/** A command that somebody sent. */
export interface Send {
  readonly id: CommandId
  readonly topic: TopicId
  /** The client instance, and the place among what it sent. */
  readonly by: string
  readonly order: number
  /** Whether its owner sent it again after it had failed. */
  retried: boolean
  /** How it ended for its owner. */
  outcome: "open" | "receipt" | "refused" | "lost"
}

export interface Topic {
  readonly kind: AnyKind
  readonly entries: Array<Log.Entry>
  /** The state after each seq, from 0. */
  readonly states: Array<unknown>
  /** The last seq that a command wrote. */
  readonly causes: Map<string, number>
  /** By client instance, the place of its last command here. */
  readonly orders: Map<string, number>
  /** From when on the server must know the log up to where: it was told that it is durable. */
  readonly told: Array<{ readonly at: number; readonly seq: number }>
}

const terminal = (event: ThreadModel.Event): string | undefined => {
  switch (event._tag) {
    case "RunFailed":
    case "RunCancelled":
      return event.prompt_id
    case "StepCompleted":
      return event.output._tag === "yield" ? event.prompt_id : undefined
    default:
      return undefined
  }
}

const sha256: Log.Hash = (text) => createHash("sha256").update(text).digest("hex")

export class Truth {
  readonly topics = new Map<TopicId, Topic>()
  readonly sends = new Map<string, Send>()
  /** Terminal events by prompt. */
  readonly ends = new Map<string, number>()
  /** Copies that were spoilt on purpose, by client instance and topic. */
  readonly spoilt = new Set<string>()
  /** How far clocks of servers have been off. */
  readonly skews = new Set([0])
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  at(topic: TopicId): Topic | undefined {
    const known = this.topics.get(topic)
    if (known !== undefined) return known
    const kind = shipped.get(kindOf(topic))
    if (kind === undefined) return undefined
    const made: Topic = {
      kind,
      entries: [],
      states: [kind.initial(topic)],
      causes: new Map(),
      orders: new Map(),
      told: []
    }
    this.topics.set(topic, made)
    return made
  }

  /** A server has a moment to take in what it is told. */
  readonly told = ({ topic }: Append, entries: ReadonlyArray<Log.Entry>): void => {
    const last = entries.at(-1)
    if (last !== undefined) this.at(topic)?.told.push({ at: this.world.now + 1, seq: last.seq })
  }

  /** A new server reads what is durable when it begins, or later. */
  restarted(): void {
    for (const { entries, told } of this.topics.values()) told.push({ at: this.world.now, seq: entries.length })
  }

  /** Whether a server that knew at `at` what it had been told, or knew more, might show `topic` to `reader`. */
  canRead(topic: TopicId, reader: Author, at: number): boolean {
    const known = this.at(topic)
    if (known === undefined) return false
    const seq = known.told.findLast((one) => one.at <= at)?.seq ?? 0
    return known.states.slice(seq).some((state) => known.kind.canRead(state, reader))
  }

  readonly synced = ({ topic }: Append, entries: ReadonlyArray<Log.Entry>): void => {
    const known = this.at(topic)
    if (known === undefined) return
    this.world.note(`synced ${topic} ${entries.map((entry) => `${entry.seq}=${entry.hash}`).join()}`)
    for (const cause of new Set(entries.map((entry) => entry.cause))) {
      // An id may be carried out once, in one append, for ever.
      if (known.causes.has(cause)) this.world.violate("SYN4", `${cause} is carried out twice in ${topic}`)
      this.inOrder(topic, known, cause)
    }
    for (const entry of entries) {
      if (entry.seq !== known.entries.length + 1) this.world.violate("TOP3", `${topic} has a gap before ${entry.seq}`)
      known.entries.push(entry)
      known.causes.set(entry.cause, entry.seq)
      known.states.push(known.kind.evolve(known.states.at(-1), entry.event))
      if (known.kind.name === "thread") this.ended(entry.event as unknown as ThreadModel.Event)
    }
    if (known.kind.name === "ledger") this.conserved(known.states.at(-1) as LedgerModel.State)
  }

  private inOrder(topic: TopicId, known: Topic, cause: string): void {
    const send = this.sends.get(cause)
    if (send === undefined || send.retried) return
    const last = known.orders.get(send.by) ?? -1
    // However often a budget ran out (CON7).
    if (send.order < last) {
      this.world.violate("CON2", `${send.by}: ${cause} was logged after what was sent later`)
    }
    known.orders.set(send.by, Math.max(last, send.order))
    if (send.outcome === "refused") this.world.violate("SYN5", `${cause} was refused, and is in the log of ${topic}`)
  }

  private ended(event: ThreadModel.Event): void {
    const prompt = terminal(event)
    if (prompt === undefined) return
    const count = (this.ends.get(prompt) ?? 0) + 1
    this.ends.set(prompt, count)
    if (count > 1) this.world.violate("CHO7", `the run of ${prompt} ended ${count} times`)
  }

  private conserved(state: LedgerModel.State): void {
    if (total(state) !== state.supply) this.world.violate("LED2", `the ledger holds ${total(state)} of ${state.supply}`)
  }

  /** The hash chain of every log, from its beginning. */
  verify(): void {
    for (const [topic, { entries }] of this.topics) {
      const broken = Log.verify(sha256, { seq: 0, hash: Log.genesis(topic) }, entries)
      if (broken !== undefined) this.world.violate("TOP5", `${topic} breaks at ${broken.seq}: ${broken.fault}`)
    }
  }
}

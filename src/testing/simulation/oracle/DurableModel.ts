/**
 * What is durable, folded: the logs of all topics as the disk has them, with
 * the state at every seq. Checks each append as it becomes durable.
 */
import { createHash } from "node:crypto"
import { builtInKinds } from "../../../domain/BuiltInKinds.ts"
import { totalBalance } from "../../../domain/ledger/Ledger.ts"
import type * as LedgerModel from "../../../domain/ledger/LedgerModel.ts"
import { type Author, type CommandId, kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import * as Log from "../../../domain/topic/Log.ts"
import type { AnyKind } from "../../../domain/topic/Topic.ts"
import type { AppendRequest } from "../../../services/EventLog.ts"
import type { SimulationRuntime } from "../cluster/SimulationRuntime.ts"

/** A command that somebody sent. */
export interface SentCommand {
  readonly id: CommandId
  readonly topic: TopicId
  /** The client instance, and the place among what it sent. */
  readonly clientInstance: string
  readonly sequence: number
  /** Whether its owner sent it again after it had failed. */
  retried: boolean
  /** How it ended for its owner. */
  outcome: "pending" | "receipt" | "rejected" | "lost"
}

export interface TopicHistory {
  readonly kind: AnyKind
  readonly entries: Array<Log.Entry>
  /** The state after each seq, from 0. */
  readonly states: Array<unknown>
  /** The last seq that a command wrote. */
  readonly commandSeqs: Map<string, number>
  /** By client instance, the place of its last command here. */
  readonly lastSequences: Map<string, number>
  /** From when on the server must know the log up to where: it was told that it is durable. */
  readonly acknowledged: Array<{ readonly at: number; readonly seq: number }>
}

const terminatedPromptOf = (event: ThreadModel.Event): string | undefined => {
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

const sha256: Log.HashFunction = (text) => createHash("sha256").update(text).digest("hex")

export class DurableModel {
  readonly topics = new Map<TopicId, TopicHistory>()
  readonly sentCommands = new Map<string, SentCommand>()
  /** Terminal events by prompt. */
  readonly runEndCounts = new Map<string, number>()
  /** Copies that were spoilt on purpose, by client instance and topic. */
  readonly corruptedReplicas = new Set<string>()
  /** How far clocks of servers have been off. */
  readonly serverClockSkews = new Set([0])
  private readonly runtime: SimulationRuntime

  constructor(runtime: SimulationRuntime) {
    this.runtime = runtime
  }

  historyOf(topic: TopicId): TopicHistory | undefined {
    const existing = this.topics.get(topic)
    if (existing !== undefined) return existing
    const kind = builtInKinds.get(kindOf(topic))
    if (kind === undefined) return undefined
    const created: TopicHistory = {
      kind,
      entries: [],
      states: [kind.initial(topic)],
      commandSeqs: new Map(),
      lastSequences: new Map(),
      acknowledged: []
    }
    this.topics.set(topic, created)
    return created
  }

  /** A server has a moment to take in what it is told. */
  readonly acknowledged = ({ topic }: AppendRequest, entries: ReadonlyArray<Log.Entry>): void => {
    const last = entries.at(-1)
    if (last !== undefined) this.historyOf(topic)?.acknowledged.push({ at: this.runtime.now + 1, seq: last.seq })
  }

  /** A new server reads what is durable when it begins, or later. */
  serverRestarted(): void {
    for (const { entries, acknowledged } of this.topics.values()) {
      acknowledged.push({ at: this.runtime.now, seq: entries.length })
    }
  }

  /** Whether a server that knew at `at` what it had been told, or knew more, might show `topic` to `reader`. */
  canRead(topic: TopicId, reader: Author, at: number): boolean {
    const history = this.historyOf(topic)
    if (history === undefined) return false
    const seq = history.acknowledged.findLast((position) => position.at <= at)?.seq ?? 0
    return history.states.slice(seq).some((state) => history.kind.canRead(state, reader))
  }

  readonly committed = ({ topic }: AppendRequest, entries: ReadonlyArray<Log.Entry>): void => {
    const history = this.historyOf(topic)
    if (history === undefined) return
    this.runtime.record(`synced ${topic} ${entries.map((entry) => `${entry.seq}=${entry.hash}`).join()}`)
    for (const cause of new Set(entries.map((entry) => entry.cause))) {
      // An id may be carried out once, in one append, for ever.
      if (history.commandSeqs.has(cause)) {
        this.runtime.reportViolation("SYN4", `${cause} is carried out twice in ${topic}`)
      }
      this.checkCommandOrder(topic, history, cause)
    }
    for (const entry of entries) {
      if (entry.seq !== history.entries.length + 1) {
        this.runtime.reportViolation("TOP3", `${topic} has a gap before ${entry.seq}`)
      }
      history.entries.push(entry)
      history.commandSeqs.set(entry.cause, entry.seq)
      history.states.push(history.kind.evolve(history.states.at(-1), entry.event))
      if (history.kind.name === "thread") this.countRunEnd(entry.event as unknown as ThreadModel.Event)
    }
    if (history.kind.name === "ledger") this.checkSupplyConserved(history.states.at(-1) as LedgerModel.State)
  }

  private checkCommandOrder(topic: TopicId, history: TopicHistory, cause: string): void {
    const sent = this.sentCommands.get(cause)
    if (sent === undefined || sent.retried) return
    const last = history.lastSequences.get(sent.clientInstance) ?? -1
    // However often a budget ran out (CON7).
    if (sent.sequence < last) {
      this.runtime.reportViolation("CON2", `${sent.clientInstance}: ${cause} was logged after what was sent later`)
    }
    history.lastSequences.set(sent.clientInstance, Math.max(last, sent.sequence))
    if (sent.outcome === "rejected") {
      this.runtime.reportViolation("SYN5", `${cause} was refused, and is in the log of ${topic}`)
    }
  }

  private countRunEnd(event: ThreadModel.Event): void {
    const prompt = terminatedPromptOf(event)
    if (prompt === undefined) return
    const count = (this.runEndCounts.get(prompt) ?? 0) + 1
    this.runEndCounts.set(prompt, count)
    if (count > 1) this.runtime.reportViolation("CHO7", `the run of ${prompt} ended ${count} times`)
  }

  private checkSupplyConserved(state: LedgerModel.State): void {
    if (totalBalance(state) !== state.supply) {
      this.runtime.reportViolation("LED2", `the ledger holds ${totalBalance(state)} of ${state.supply}`)
    }
  }

  /** The hash chain of every log, from its beginning. */
  verifyHashChains(): void {
    for (const [topic, { entries }] of this.topics) {
      const chainBreak = Log.verifyChain(sha256, { seq: 0, hash: Log.genesisHash(topic) }, entries)
      if (chainBreak !== undefined) {
        this.runtime.reportViolation("TOP5", `${topic} breaks at ${chainBreak.seq}: ${chainBreak.fault}`)
      }
    }
  }
}

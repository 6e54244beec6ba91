/**
 * The oracle: the logs of all topics as they became durable, with the folded state at every seq, and every command
 * that a workload sent. Checks each append when it becomes durable: dense seqs, no command twice, order per client,
 * one end per run. `EntryChecker` checks the entries themselves.
 */
import { Result } from "effect"
import { isDeepStrictEqual } from "node:util"
import { builtInKinds } from "../../../domain/BuiltInKinds.ts"
import type { PlainRun } from "../../../domain/chorus/ChorusModel.ts"
import { type Author, type CommandId, hostOf, kindOf, type TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import { noOpenings } from "../../../domain/protocol/Seal.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import { type DecodedEntry, decodeEntry } from "../../../domain/topic/DurableState.ts"
import { type Erased, isErased } from "../../../domain/topic/Erasure.ts"
import * as Log from "../../../domain/topic/Log.ts"
import { eraseTexts, textsIn } from "../../../domain/topic/SealedText.ts"
import type { AnyKind } from "../../../domain/topic/Topic.ts"
import { sha256 } from "../../../layers/eventlog/ChainVerification.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import { findMarks } from "./TextMarks.ts"

/** A command that a workload sent. */
export interface SentCommand {
  readonly id: CommandId
  readonly salt: string
  readonly topic: TopicId
  readonly author: UserId
  /** Whether its author signed it (AUT5). */
  readonly signed: boolean
  /** The client instance that sent it, and its index among the commands of that instance. */
  readonly clientInstance: string
  readonly sequence: number
  /** Whether it was sent again after a failure; its order is then undefined. */
  retried: boolean
  /** The outcome that its sender observed. */
  outcome: "pending" | "receipt" | "rejected" | "lost"
}

/** The durable log of a topic, and the facts derived from it. */
export interface TopicHistory {
  readonly kind: AnyKind
  readonly entries: Array<DecodedEntry>
  /** The folded state at every seq, from 0. */
  readonly states: Array<unknown>
  /** The last seq that each command wrote. */
  readonly commandSeqs: Map<string, number>
  /** By client instance, the index of its last command that the present server process logged. */
  readonly lastSequences: Map<string, number>
  /** The texts that were erased, by commitment, and the seq of the event that erased each (TOP10). */
  readonly erased: Map<string, number>
  /** From `at` on the log up to `seq` is acknowledged to the server. */
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

/** What the first entry of a log is linked to. */
const genesisOf = ({ at, epoch, topic, version }: Log.Entry): Log.Genesis => ({
  format: "choir/log/1",
  topic,
  kind: kindOf(topic),
  host: hostOf(topic),
  version,
  epoch,
  created: at
})

/** The oracle of one run. */
export class DurableModel {
  readonly topics = new Map<TopicId, TopicHistory>()
  readonly sentCommands = new Map<string, SentCommand>()
  /** Number of terminal events by prompt. */
  readonly runEndCounts = new Map<string, number>()
  /** The marks of texts that people erased: once all is quiet, no copy has any of them (TOP10). */
  readonly erasedMarks = new Set<string>()
  /** Replicas corrupted on purpose, as `<client instance> <topic>`. */
  readonly corruptedReplicas = new Set<string>()
  /** Every clock skew that a server has had, in milliseconds. */
  readonly serverClockSkews = new Set([0])
  private readonly runtime: SimulationRuntime

  constructor(runtime: SimulationRuntime) {
    this.runtime = runtime
  }

  /** The history of a topic, empty at first; undefined for a topic of no known kind. */
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
      erased: new Map(),
      acknowledged: []
    }
    this.topics.set(topic, created)
    return created
  }

  /** Called when a server was notified of a durable append; it has a millisecond to process that. */
  readonly acknowledged = (topic: TopicId, entries: ReadonlyArray<Log.AppendedEntry>): void => {
    const last = entries.at(-1)
    if (last !== undefined) this.historyOf(topic)?.acknowledged.push({ at: this.runtime.now + 1, seq: last.seq })
  }

  /**
   * Called when a server process starts: it reads at least what is durable now. A command that the crashed one rejected, in
   * an answer that nobody got, may now follow one that was sent later.
   */
  serverRestarted(): void {
    for (const { acknowledged, entries, lastSequences } of this.topics.values()) {
      acknowledged.push({ at: this.runtime.now, seq: entries.length })
      lastSequences.clear()
    }
  }

  /** Whether a server may send `topic` to `reader` at `at`: some state that it may hold at that time permits it. */
  canRead(topic: TopicId, reader: Author, at: number): boolean {
    const history = this.historyOf(topic)
    if (history === undefined) return false
    const seq = history.acknowledged.findLast((position) => position.at <= at)?.seq ?? 0
    return history.states.slice(seq).some((state) => history.kind.canRead(state, reader))
  }

  /** Whether a server may still send a text of the topic at `at`, as for reading: it may not have heard of an erasure yet. */
  canSend(topic: TopicId, c: string, at: number): boolean {
    const history = this.historyOf(topic)
    const erasedBy = history?.erased.get(c)
    return erasedBy === undefined ||
      erasedBy > (history?.acknowledged.findLast((position) => position.at <= at)?.seq ?? 0)
  }

  /** Whether a copy of a topic's state is the one at `seq`. It may lack texts that were erased later. */
  isStateAt(topic: TopicId, seq: number, copy: unknown): boolean {
    const history = this.historyOf(topic)
    const state = history?.states[seq]
    if (isDeepStrictEqual(copy, state)) return true
    const missing = textsIn(copy).filter(({ text }) => text.text === null && history?.erased.has(text.c))
    return isDeepStrictEqual(copy, eraseTexts(state, new Set(missing.map(({ text }) => text.c))))
  }

  /**
   * A command that wrote no event is not remembered for dedup: when its answer is lost, the client sends it again and it
   * may then be applied out of order.
   */
  readonly commandAnswered = (id: string, topic: TopicId | undefined): void => {
    const sent = this.sentCommands.get(id)
    const isLogged = topic !== undefined && this.historyOf(topic)?.commandSeqs.has(id) === true
    if (sent !== undefined && !isLogged) sent.retried = true
  }

  /** Called before each billed model call: a step that is in the log must not be paid for again (CHO7). */
  readonly modelCalled = (run: PlainRun): void => {
    const history = this.historyOf(run.thread_id)
    const durableRun = (history?.states.at(-1) as ThreadModel.State | undefined)?.runs
      .find((other) => other.prompt_id === run.prompt_id)
    if (durableRun?.steps.some(({ loop, step }) => loop === run.loop && step === run.current_step) === true) {
      this.runtime.reportViolation("CHO7", `${run.current_step} of ${run.prompt_id} was billed twice`)
    }
  }

  /** Called when an append became durable, with what the log holds of it; its entries, as their kind sees them. */
  readonly committed = (topic: TopicId, stored: ReadonlyArray<Log.Entry>): ReadonlyArray<DecodedEntry> => {
    const history = this.historyOf(topic)
    if (history === undefined) return []
    const entries = stored.map((entry) =>
      Result.getOrThrowWith(decodeEntry(history.kind, entry), (why) => new Error(why))
    )
    this.runtime.record(`synced ${topic} ${entries.map((entry) => `${entry.seq}=${entry.hash}`).join()}`)
    for (const cause of new Set(entries.map((entry) => entry.cause))) {
      // A command id is applied at most once, in one append (SYN4).
      if (history.commandSeqs.has(cause)) {
        this.runtime.reportViolation("SYN4", `${cause} was applied twice in ${topic}`)
      }
      this.checkCommandOrder(topic, history, cause)
    }
    for (const entry of entries) {
      if (entry.seq !== history.entries.length + 1) {
        this.runtime.reportViolation("TOP3", `${topic} has a gap before ${entry.seq}`)
      }
      history.entries.push(entry)
      history.commandSeqs.set(entry.cause, entry.seq)
      history.states.push(history.kind.evolve(history.states.at(-1), entry.decoded))
      if (history.kind.name === "thread") this.countRunEnd(entry.decoded as ThreadModel.Event)
      if (isErased(entry.decoded)) this.noteErased(history, entry.decoded, entry.seq)
    }
    return entries
  }

  private checkCommandOrder(topic: TopicId, history: TopicHistory, cause: string): void {
    const sent = this.sentCommands.get(cause)
    if (sent === undefined || sent.retried) return
    const last = history.lastSequences.get(sent.clientInstance) ?? -1
    // Also when the rate limit rejected some of them meanwhile (CON7).
    if (sent.sequence < last) {
      this.runtime.reportViolation("CON2", `${sent.clientInstance}: ${cause} was logged after a command sent later`)
    }
    history.lastSequences.set(sent.clientInstance, Math.max(last, sent.sequence))
    if (sent.outcome === "rejected") {
      this.runtime.reportViolation("SYN5", `${cause} was rejected, but is in the log of ${topic}`)
    }
  }

  private noteErased({ entries, erased }: TopicHistory, { because, seq, texts }: Erased, by: number): void {
    const open = entries[seq - 1]?.open ?? noOpenings
    for (const c of texts) {
      erased.set(c, by)
      // What was derived has marks of other texts too, which nobody has erased.
      if (because === null) { for (const mark of findMarks(open[c]?.[1] ?? "").keys()) this.erasedMarks.add(mark) }
    }
  }

  private countRunEnd(event: ThreadModel.Event): void {
    const prompt = terminatedPromptOf(event)
    if (prompt === undefined) return
    const count = (this.runEndCounts.get(prompt) ?? 0) + 1
    this.runEndCounts.set(prompt, count)
    if (count > 1) this.runtime.reportViolation("CHO7", `the run of ${prompt} ended ${count} times`)
  }

  /** Verifies the hash chain of every log from its genesis (TOP5). */
  verifyHashChains(): void {
    for (const [topic, { entries }] of this.topics) {
      const [first] = entries
      if (first === undefined) continue
      const genesisHash = Log.genesisHash(sha256, genesisOf(first))
      const chainBreak = Log.verifyChain(sha256, { seq: 0, hash: genesisHash }, entries)
      if (chainBreak !== undefined) {
        this.runtime.reportViolation("TOP5", `${topic} breaks at ${chainBreak.seq}: ${chainBreak.fault}`)
      }
    }
  }
}

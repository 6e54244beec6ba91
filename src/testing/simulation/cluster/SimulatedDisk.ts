/**
 * The disk under the event log, with group commit: synced appends survive a crash, pending ones may not. Faults: stalls,
 * I/O errors, a full disk, and ambiguous commits, which succeed but are reported as failed.
 *
 * The durable state is the real in-memory log, which outlives every server process.
 */
import { Context, Effect, type Exit, Layer, type Scope } from "effect"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import type { SessionFamily } from "../../../domain/session/SessionFamily.ts"
import { isErased } from "../../../domain/topic/Erasure.ts"
import type { AppendedEntry, Entry } from "../../../domain/topic/Log.ts"
import type { Snapshot } from "../../../domain/topic/Snapshots.ts"
import * as EventLogMemory from "../../../layers/eventlog/EventLogMemory.ts"
import * as SessionsMemory from "../../../layers/sessions/SessionsMemory.ts"
import * as SessionStore from "../../../layers/sessions/SessionStore.ts"
import { Directory } from "../../../services/Directory.ts"
import { type AppendRequest, EventLog, EventLogError, LogUnavailable } from "../../../services/EventLog.ts"
import { Sessions } from "../../../services/Sessions.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

type AppendListener = Parameters<EventLog["Service"]["onAppend"]>[0]
type AppendOutcome = Exit.Exit<ReadonlyArray<AppendedEntry>, EventLogError>

interface PendingAppend {
  readonly process: SimulatedProcess
  readonly append: AppendRequest
  readonly resume: (outcome: Effect.Effect<ReadonlyArray<AppendedEntry>, EventLogError>) => void
}

/** Observes the order of durability and acknowledgement; the oracle implements it. */
export interface CommitObserver {
  /** An append became durable; `entries` are read from the log. */
  readonly committed: (topic: TopicId, entries: ReadonlyArray<Entry>) => void
  /** The server was notified of it. */
  readonly acknowledged: (topic: TopicId, entries: ReadonlyArray<AppendedEntry>) => void
}

const makeUnavailable = (operation: string, fault: LogUnavailable["fault"] = "other") =>
  new EventLogError({ reason: new LogUnavailable({ operation, fault, cause: "simulated" }) })

/** The disk of one run. */
export class SimulatedDisk {
  readonly runtime: SimulationRuntime
  readonly random: SeededRandom
  /** Instants of virtual time until which each fault lasts. */
  stalledUntil = 0
  failingUntil = 0
  fullUntil = 0
  /** Probability that a successful commit is reported as failed. */
  ambiguousCommitRate = 0
  private readonly observer: CommitObserver
  private readonly process: SimulatedProcess
  private readonly log: EventLog["Service"]
  private readonly directory: Directory["Service"]
  private readonly sessions = new Map<string, SessionFamily>()
  /** Append listeners by server. */
  private readonly listeners = new Map<SimulatedProcess, Set<AppendListener>>()
  private pendingAppends: Array<PendingAppend> = []
  private syncingAppends: ReadonlyArray<PendingAppend> = []

  constructor(runtime: SimulationRuntime, observer: CommitObserver) {
    this.runtime = runtime
    this.observer = observer
    this.process = new SimulatedProcess(runtime, "disk")
    this.random = this.process.random
    const context = Effect.runSync(Effect.scoped(Layer.build(EventLogMemory.layer)))
    this.log = Context.get(context, EventLog)
    this.directory = Context.get(context, Directory)
  }

  /** Whether no append is pending or being synced, and no erased text is kept. */
  get isIdle(): boolean {
    return this.pendingAppends.length + this.syncingAppends.length === 0 &&
      this.readDurable((log) => log.erasedTexts()).length === 0
  }

  /** Reads the durable log for the checkers: no latency, no faults. */
  readDurable<A>(use: (log: EventLog["Service"]) => Effect.Effect<A, EventLogError>): A {
    return Effect.runSync(Effect.orDie(use(this.log)))
  }

  // -- Writing: group commit --

  private append(
    process: SimulatedProcess,
    append: AppendRequest
  ): Effect.Effect<ReadonlyArray<AppendedEntry>, EventLogError> {
    return Effect.callback((resume) => {
      this.pendingAppends.push({ process, append, resume })
      this.startGroupCommit()
    })
  }

  private startGroupCommit(): void {
    if (this.pendingAppends.length === 0 || this.syncingAppends.length > 0) return
    this.syncingAppends = this.pendingAppends
    this.pendingAppends = []
    const latency = this.random.chance(0.1) ? this.random.int(50, 300) : this.random.int(1, 10)
    const delay = Math.max(latency, this.stalledUntil - this.runtime.now)
    const group = this.syncingAppends
    // A crash of the server meanwhile has discarded the group.
    this.runtime.schedule(delay, () => {
      if (this.syncingAppends === group) this.completeGroupCommit()
    })
  }

  private completeGroupCommit(): void {
    const group = this.syncingAppends
    const { now } = this.runtime
    if (now < this.fullUntil || now < this.failingUntil) {
      this.runtime.record("disk rejects")
      this.syncingAppends = []
      for (const pending of group) {
        pending.resume(Effect.fail(makeUnavailable("append", now < this.fullUntil ? "full" : "other")))
      }
      return this.startGroupCommit()
    }
    const ambiguous = this.random.chance(this.ambiguousCommitRate)
    this.commit(group, (outcomes) => {
      if (this.syncingAppends === group) this.syncingAppends = []
      for (const [i, pending] of group.entries()) {
        if (pending.process.killed) continue
        const outcome = outcomes[i]!
        // As in the real log: listeners are notified of a commit that its writer sees as failed.
        if (outcome._tag === "Success") {
          const erases = outcome.value.some(({ event }) => isErased(event))
          this.listeners.get(pending.process)?.forEach((notify) => notify(pending.append.topic, erases))
        }
        if (outcome._tag === "Success" && !ambiguous) this.observer.acknowledged(pending.append.topic, outcome.value)
        pending.resume(ambiguous ? Effect.fail(makeUnavailable("append")) : outcome)
      }
      this.startGroupCommit()
    })
  }

  private commit(
    group: ReadonlyArray<PendingAppend>,
    onCommitted: (outcomes: ReadonlyArray<AppendOutcome>) => void
  ): void {
    this.process.run(
      Effect.forEach(
        group,
        ({ append }) =>
          Effect.exit(Effect.tap(this.log.append(append), ({ length: limit }) =>
            Effect.map(
              this.log.read(append.topic, { after: append.expectedSeq, limit }),
              (entries) => this.observer.committed(append.topic, entries)
            )))
      ).pipe(Effect.map(onCommitted))
    )
  }

  /** Discards a crashed server's pending appends; the group being synced becomes durable with probability 0.4. */
  serverCrashed(server: SimulatedProcess): void {
    const inDoubt = this.syncingAppends.filter(({ process }) => process === server)
    this.pendingAppends = this.pendingAppends.filter(({ process }) => process !== server)
    this.syncingAppends = []
    this.listeners.delete(server)
    if (inDoubt.length > 0 && this.random.chance(0.4)) this.commit(inDoubt, () => undefined)
  }

  private withLatency<A, E>(effect: Effect.Effect<A, E>, operation: string): Effect.Effect<A, E | EventLogError> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.sleep(this.random.int(0, 8))
      if (this.runtime.now < this.failingUntil && this.random.chance(0.5)) return yield* makeUnavailable(operation)
      return yield* effect
    })
  }

  // -- The services of one server --

  /** The event log as one server process sees it. */
  logFor(process: SimulatedProcess): EventLog["Service"] {
    const { log } = this
    return EventLog.of({
      append: (append) => this.append(process, append),
      head: (topic) => this.withLatency(log.head(topic), "head"),
      read: (topic, range) => this.withLatency(log.read(topic, range), "read"),
      openings: (topic, seqs) => this.withLatency(log.openings(topic, seqs), "openings"),
      openingsAside: (topic, commitments) => this.withLatency(log.openingsAside(topic, commitments), "openings"),
      setAside: (topic, openings, at) => this.withLatency(log.setAside(topic, openings, at), "setAside"),
      dropAside: (topic, commitments) => this.withLatency(log.dropAside(topic, commitments), "dropAside"),
      erasedTexts: (last) => this.withLatency(log.erasedTexts(last), "erasedTexts"),
      derivedTopics: (source) => this.withLatency(log.derivedTopics(source), "derivedTopics"),
      deleteErased: (texts) => this.withLatency(log.deleteErased(texts), "deleteErased"),
      findProcessedCommand: (topic, command) => this.withLatency(log.findProcessedCommand(topic, command), "outcome"),
      snapshot: (topic) => this.withLatency(log.snapshot(topic), "snapshot"),
      saveSnapshot: (topic: TopicId, snapshot: Snapshot) =>
        this.withLatency(log.saveSnapshot(topic, snapshot), "saveSnapshot"),
      topicsToRecover: this.withLatency(log.topicsToRecover, "waiting"),
      laggingTopics: (projection) => this.withLatency(log.laggingTopics(projection), "lagging"),
      setCursor: (projection, topic, seq) => this.withLatency(log.setCursor(projection, topic, seq), "advance"),
      onAppend: (listener) => {
        const listeners = this.listeners.get(process) ?? new Set()
        this.listeners.set(process, listeners.add(listener))
        return () => listeners.delete(listener)
      }
    })
  }

  /** The directory over the durable logs. */
  directoryFor(): Directory["Service"] {
    const { directory } = this
    return {
      list: (user, options) => this.withLatency(directory.list(user, options), "list"),
      canRead: (user, topic) => this.withLatency(directory.canRead(user, topic), "canRead"),
      readersOf: (topics) => this.withLatency(directory.readersOf(topics), "readers"),
      topicsSharedBy: (topic) => this.withLatency(directory.topicsSharedBy(topic), "memberships")
    }
  }

  /** Sessions in a durable table; signatures are verified by `verify`, with latency. */
  sessionsFor(
    limits: { readonly sessionTtl: number; readonly sessionGrace: number },
    verify: (text: string, user: string, signature: string) => boolean,
    challengeText: (...args: Parameters<Sessions["Service"]["verifyChallenge"]>) => string
  ): Effect.Effect<Sessions["Service"], never, Scope.Scope> {
    const rows = SessionsMemory.makeRows(this.sessions)
    const withLatency = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.andThen(Effect.sleep(this.random.int(0, 4)), effect)
    return Effect.map(
      SessionStore.make({
        insert: (family) => withLatency(rows.insert(family)),
        find: (id) => withLatency(rows.find(id)),
        replace: (current, next) => withLatency(rows.replace(current, next)),
        remove: (id) => withLatency(rows.remove(id)),
        removeExpired: rows.removeExpired
      }, limits),
      (store) =>
        Sessions.of({
          ...store,
          verifyChallenge: (...args) =>
            withLatency(Effect.sync(() => verify(challengeText(...args), args[1], args[2]))),
          verifyText: (...args) => withLatency(Effect.sync(() => verify(...args)))
        })
    )
  }
}

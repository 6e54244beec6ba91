/**
 * The one writer of a topic (TOP3): decides a batch, appends it, and returns what became durable. It publishes nothing and
 * sends no replies: its host does both, with what `commit` returns (TOP4).
 */
import { Cause, Effect, Exit, Option, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import { recoverFromFailure, rejectionOf } from "../../domain/topic/AppendFailure.ts"
import { type CommandDecision, decideBatch, rejectBatch } from "../../domain/topic/CommandBatch.ts"
import {
  type DurableState,
  isSameListing,
  isSameLog,
  noEpoch,
  notLoaded,
  replay
} from "../../domain/topic/DurableState.ts"
import type { PastEvent } from "../../domain/topic/Erasure.ts"
import type { AppendedEntry } from "../../domain/topic/Log.ts"
import type { AnyKind, CommandContext } from "../../domain/topic/Topic.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { SubmitMessage } from "./HostMessages.ts"
import { ProcessedCommandCache } from "./ProcessedCommandCache.ts"
import * as TopicLoader from "./TopicLoader.ts"

/** The dependencies of a writer. */
export interface WriterDependencies {
  readonly log: EventLog["Service"]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** 32 random bits. */
  readonly seed: () => number
}

/** How a writer's durable state has moved on. */
export interface Advance {
  /** The durable state before. */
  readonly before: DurableState
  /** The log was loaded, whatever was held in memory of it. */
  readonly loaded: TopicLoader.LoadedTopic | undefined
  /** Entries that became durable, after `loaded` if it is given; the writer's state is the one after them. */
  readonly entries: ReadonlyArray<AppendedEntry>
}

/** A batch that is durable, or was rejected. */
export interface Committed extends Advance {
  /** One per command, in order. */
  readonly decisions: ReadonlyArray<CommandDecision>
}

/** How often a batch is decided again after another writer appended first. */
const conflictRetryMax = 3

/** The typed failure in a cause; undefined for a defect. */
export const findEventLogError = (cause: Cause.Cause<EventLogError>): EventLogError | undefined =>
  Option.getOrUndefined(Cause.findErrorOption(cause))

/** The events that inputs depend on, by seq (TOP11); undefined if they name none, as nearly always. */
export const readPast = (
  log: EventLog["Service"],
  kind: AnyKind,
  topic: TopicId,
  inputs: ReadonlyArray<unknown>
): Effect.Effect<CommandContext["past"], EventLogError> => {
  const seqs = inputs.flatMap((input) => kind.needs(input))
  return seqs.length === 0 ? Effect.undefined : readEvents(log, kind, topic, new Set(seqs))
}

const readEvents = Effect.fnUntraced(function*(
  log: EventLog["Service"],
  kind: AnyKind,
  topic: TopicId,
  seqs: ReadonlySet<number>
) {
  const past = new Map<number, PastEvent>()
  for (const seq of seqs) {
    if (seq === 0) continue
    for (const { decoded, principal } of yield* TopicLoader.readPage(log, kind, topic, { after: seq - 1, limit: 1 })) {
      past.set(seq, { principal, event: decoded })
    }
  }
  return past
})

/** One topic's writer: its durable state, and the commands it has applied. */
export class TopicWriter {
  durableState: DurableState = notLoaded
  /** The hash of the newest durable entry, which the next one is linked to; empty without entries. */
  headHash = ""
  /** Whether the log may be ahead of `durableState`: an append failed, and the log was not read since (TOP6). */
  maybeBehindLog = false
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: WriterDependencies
  private readonly processedCommands: ProcessedCommandCache

  constructor(topic: TopicId, kind: AnyKind, dependencies: WriterDependencies) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    this.processedCommands = new ProcessedCommandCache(topic, dependencies.log)
  }

  /** Reads the topic from its log. Dies when its kind cannot fold it. */
  readonly load: Effect.Effect<Advance, EventLogError> = Effect.gen({ self: this }, function*() {
    const loaded = yield* TopicLoader.loadTopic(this.dependencies.log, this.kind, this.topic)
    const before = this.durableState
    this.durableState = loaded.durableState
    this.headHash = loaded.headHash
    this.maybeBehindLog = false
    this.processedCommands.reset(loaded.hasLog, loaded.tail)
    return { before, loaded, entries: [] }
  })

  /** Decides a batch and appends it at once. Never fails: commands that cannot be stored are rejected. */
  commit(commands: ReadonlyArray<SubmitMessage>, attemptsLeft = conflictRetryMax): Effect.Effect<Committed> {
    return Effect.gen({ self: this }, function*() {
      const { durableState: before, kind, processedCommands, topic } = this
      const { log, now, seed } = this.dependencies
      const prefetched = yield* Effect.result(processedCommands.prefetch(commands))
      if (Result.isFailure(prefetched)) return this.rejectAll(commands, rejectionOf(prefetched.failure.reason))
      // An append that was reported as failed is in the log: it is published before its repeat gets a receipt.
      const isLogAhead = commands.some(({ request }) => (processedCommands.get(request.id)?.seq ?? 0) > before.seq)
      if (isLogAhead && attemptsLeft > 0) return yield* this.commitAfterCatchUp(commands, attemptsLeft)
      const past = yield* Effect.result(readPast(log, kind, topic, commands.map(({ request }) => request.input)))
      if (Result.isFailure(past)) return this.rejectAll(commands, rejectionOf(past.failure.reason))
      const decided = decideBatch(kind, topic, before, commands.map((message) => message.request), {
        now: now(),
        past: past.success,
        seed,
        findProcessed: processedCommands.get
      })
      const { after, decisions, drafts, eventlessCommands } = decided
      for (const defect of decided.defects) yield* Effect.logError(`a command to ${topic} met a defect`, defect)
      let entries: ReadonlyArray<AppendedEntry> = []
      if (drafts.length + eventlessCommands.length > 0) {
        const appended = yield* Effect.exit(log.append({
          topic,
          expectedSeq: before.seq,
          drafts,
          eventlessCommands,
          wakeAt: after.wakeAt,
          hasPendingIntents: after.pending.length > 0,
          sources: decided.sources,
          listing: isSameListing(before.listing, after.listing) ? undefined : after.listing ?? null
        }))
        if (Exit.isFailure(appended)) return yield* this.handleAppendFailure(commands, appended.cause, attemptsLeft)
        entries = appended.value
        this.headHash = entries.at(-1)?.hash ?? this.headHash
        this.maybeBehindLog = false
        this.durableState = before.epoch === noEpoch ? { ...after, epoch: yield* this.readEpoch } : after
      }
      for (const [id, command] of decided.processedCommands) processedCommands.add(id, command)
      return { before, loaded: undefined, entries, decisions }
    })
  }

  /** The epoch that a topic's first append gave its log. */
  private get readEpoch(): Effect.Effect<string> {
    return this.dependencies.log.head(this.topic).pipe(
      Effect.map(Option.match({ onNone: () => noEpoch, onSome: (head) => head.position.epoch })),
      // A subscriber that was given `noEpoch` gets a snapshot when it resumes, and nothing worse (SYN8).
      Effect.orElseSucceed(() => noEpoch)
    )
  }

  private rejectAll(commands: ReadonlyArray<SubmitMessage>, rejection: Rejection): Committed {
    return { before: this.durableState, loaded: undefined, entries: [], decisions: rejectBatch(commands, rejection) }
  }

  /** The durable state stays as it is until the log has been read: the append may have happened (TOP6). */
  private handleAppendFailure(
    commands: ReadonlyArray<SubmitMessage>,
    cause: Cause.Cause<EventLogError>,
    attemptsLeft: number
  ): Effect.Effect<Committed> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.logWarning(`appending to ${this.topic} failed`, cause)
      const reason = findEventLogError(cause)?.reason
      const recovery = recoverFromFailure(reason, attemptsLeft, commands.length)
      if (recovery._tag === "RetryApart") return yield* this.commitApart(commands)
      if (reason?._tag !== "SourceErased") {
        this.maybeBehindLog = true
        this.processedCommands.markIncomplete()
      }
      return recovery._tag === "Reject"
        ? this.rejectAll(commands, recovery.rejection)
        : yield* this.commitAfterCatchUp(commands, attemptsLeft)
    })
  }

  /** Commits each command by itself. */
  private commitApart(commands: ReadonlyArray<SubmitMessage>): Effect.Effect<Committed> {
    return Effect.gen({ self: this }, function*() {
      const before = this.durableState
      let loaded: Advance["loaded"]
      const entries: Array<AppendedEntry> = []
      const decisions: Array<CommandDecision> = []
      for (const command of commands) {
        const committed = yield* this.commit([command])
        if (committed.loaded !== undefined) {
          loaded = committed.loaded
          entries.length = 0
        }
        entries.push(...committed.entries)
        decisions.push(...committed.decisions)
      }
      return { before, loaded, entries, decisions }
    })
  }

  /** Decides again on the current log. */
  private commitAfterCatchUp(
    commands: ReadonlyArray<SubmitMessage>,
    attemptsLeft: number
  ): Effect.Effect<Committed> {
    return Effect.gen({ self: this }, function*() {
      const caughtUp = yield* Effect.exit(this.catchUp)
      if (Exit.isFailure(caughtUp)) {
        return this.rejectAll(commands, rejectionOf(findEventLogError(caughtUp.cause)?.reason))
      }
      const committed = yield* this.commit(commands, attemptsLeft - 1)
      const { before, entries, loaded } = caughtUp.value
      return committed.loaded !== undefined
        ? { ...committed, before }
        : { ...committed, before, loaded, entries: [...entries, ...committed.entries] }
    })
  }

  /** Reads entries after the durable state: those of another writer, or of an append that was reported as failed. */
  readonly catchUp: Effect.Effect<Advance, EventLogError> = Effect.gen({ self: this }, function*() {
    const { durableState: before, kind, topic } = this
    const { log } = this.dependencies
    const head = Option.getOrUndefined(yield* log.head(topic))?.position
    if (!isSameLog(before, head)) return yield* this.load
    const entries = yield* TopicLoader.readEntriesAfter(log, kind, topic, before.seq)
    if (entries.length > 0) {
      this.durableState = replay(kind, { epoch: head.epoch, seq: before.seq, state: before.state }, entries)
      this.headHash = entries.at(-1)?.hash ?? this.headHash
      this.processedCommands.addEntries(entries)
    }
    this.maybeBehindLog = false
    return { before, loaded: undefined, entries }
  })
}

/**
 * Decides, appends, and goes on from what is durable: the part of a host that
 * changes a topic (TOP3, TOP4).
 *
 * When the log fails, whoever asked hears `unavailable` and the state is the
 * durable one. Who is told of what became durable is the host's affair.
 */
import { Cause, Effect, Exit, Option, Result, type Schema } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Rejection } from "../../domain/protocol/Rejection.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import { CommandDeduplication } from "./CommandDeduplication.ts"
import {
  decideBatch,
  type DecidedBatch,
  derive,
  type DurableState,
  internalRejection,
  isSameListing
} from "./DurableState.ts"
import { rejectUnavailable, replyOnce, type SubmitMessage } from "./HostMessages.ts"
import * as TopicLoader from "./TopicLoader.ts"

/** What a writer needs besides its topic. */
export interface WriterDependencies {
  readonly log: EventLog["Service"]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** 32 random bits. */
  readonly seed: () => number
  /** Sends a command on to the topic that decides it, with everything it came with. */
  readonly forward: (topic: TopicId, input: Schema.Json, message: SubmitMessage) => void
}

/** Who hears of changes, before anybody gets a receipt. */
export interface WriterListener {
  /** `entries` have become durable; the writer stands after them. */
  readonly onAppended: (previous: DurableState, entries: ReadonlyArray<Entry>) => void
  /** The topic was taken from the log, whatever was known of it before. */
  readonly onLoaded: (previous: DurableState, loaded: TopicLoader.LoadedTopic) => void
}

/** How often a batch is decided again after another writer got there first. */
const conflictRetryMax = 3

const busyMessage = "this cannot be stored right now; try again"

/** A failure of the log as a client hears it; undefined stands for a defect. */
export const toRejection = (error: EventLogError | undefined): Rejection => {
  if (error === undefined) return internalRejection
  const { reason } = error
  return rejectUnavailable(
    reason._tag === "LogCorrupt" || reason._tag === "LogUnavailable" && reason.full ? reason.message : busyMessage
  )
}

/** The typed failure in a cause, if it is one. */
export const findEventLogError = (cause: Cause.Cause<EventLogError>): EventLogError | undefined =>
  Option.getOrUndefined(Cause.findErrorOption(cause))

const rejectAll = (commands: ReadonlyArray<SubmitMessage>, rejection: Rejection): void => {
  for (const message of commands) replyOnce(message, Result.fail(rejection))
}

export class TopicWriter {
  durableState: DurableState
  /** Whether the log may be ahead: an append failed, and nothing has shown since where the log stands. */
  maybeBehindLog = false
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: WriterDependencies
  private readonly listener: WriterListener
  private readonly deduplication: CommandDeduplication

  constructor(topic: TopicId, kind: AnyKind, dependencies: WriterDependencies, listener: WriterListener) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    this.listener = listener
    this.deduplication = new CommandDeduplication(topic, dependencies.log)
    this.durableState = {
      epoch: TopicLoader.noEpoch,
      seq: 0,
      state: undefined,
      pending: [],
      wakeAt: undefined,
      listing: undefined
    }
  }

  /** Takes the topic from the log. Dies when its kind cannot fold it. */
  readonly load: Effect.Effect<void, EventLogError> = Effect.gen({ self: this }, function*() {
    const loaded = yield* TopicLoader.loadTopic(this.dependencies.log, this.kind, this.topic)
    const previous = this.durableState
    this.durableState = loaded.durableState
    this.maybeBehindLog = false
    this.deduplication.reset(loaded.hasLog, loaded.tail)
    this.listener.onLoaded(previous, loaded)
  })

  /** Carries out a batch in one append, and answers each of it. */
  commit(commands: ReadonlyArray<SubmitMessage>, attemptsLeft = conflictRetryMax): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { kind, deduplication, durableState, topic } = this
      const { log, now, seed } = this.dependencies
      const prefetched = yield* Effect.result(deduplication.prefetch(commands))
      if (Result.isFailure(prefetched)) return rejectAll(commands, toRejection(prefetched.failure))
      // The log has what we were told had failed: what follows from it is still to be told and done.
      const isLogAhead = commands.some(({ request }) => (deduplication.get(request.id)?.seq ?? 0) > durableState.seq)
      if (isLogAhead && attemptsLeft > 0) return yield* this.retryAfterCatchUp(commands, attemptsLeft)
      const requests = commands.map((message) => message.request)
      const decided = decideBatch(kind, topic, durableState, requests, {
        now: now(),
        seed,
        findProcessed: deduplication.get
      })
      for (const defect of decided.defects) yield* Effect.logError(`a command to ${topic} met a defect`, defect)
      if (decided.drafts.length + decided.eventlessCommands.length === 0) return this.replyAll(commands, decided)

      const derived = Result.try(() => derive(kind, decided.state))
      if (Result.isFailure(derived)) return yield* this.isolateDefect(commands, derived.failure)
      const { listing, pending, wakeAt } = derived.success
      const appended = yield* Effect.exit(log.append({
        topic,
        expectedSeq: durableState.seq,
        drafts: decided.drafts,
        eventlessCommands: decided.eventlessCommands,
        wakeAt,
        hasPendingIntents: pending.length > 0,
        listing: isSameListing(durableState.listing, listing) ? undefined : listing ?? null
      }))
      if (Exit.isFailure(appended)) return yield* this.handleAppendFailure(commands, appended.cause, attemptsLeft)
      this.maybeBehindLog = false
      const seq = durableState.seq + decided.drafts.length
      this.durableState = { ...derived.success, epoch: yield* this.epoch, seq, state: decided.state }
      // Whoever holds a receipt has been sent the delta. Without an event nothing has changed that anybody could be told.
      if (appended.value.length > 0) this.listener.onAppended(durableState, appended.value)
      this.replyAll(commands, decided)
    })
  }

  /** The log's epoch; a topic's first event has just given it one. */
  private get epoch(): Effect.Effect<string> {
    const { epoch } = this.durableState
    if (epoch !== TopicLoader.noEpoch) return Effect.succeed(epoch)
    return this.dependencies.log.head(this.topic).pipe(
      Effect.map(Option.match({ onNone: () => epoch, onSome: (head) => head.position.epoch })),
      // Whoever is told `unborn` gets a snapshot the next time; no more than that.
      Effect.orElseSucceed(() => epoch)
    )
  }

  /** Something about the state that a batch leads to cannot be computed: finds out whose fault it is (FLT25). */
  private isolateDefect(commands: ReadonlyArray<SubmitMessage>, defect: unknown): Effect.Effect<void> {
    if (commands.length > 1) return Effect.forEach(commands, (message) => this.commit([message]), { discard: true })
    rejectAll(commands, internalRejection)
    return Effect.logError(`a command to ${this.topic} led to a state that its kind cannot read`, defect)
  }

  /** Nothing was appended, as far as is known: the durable state stands, until the log is looked at. */
  private handleAppendFailure(
    commands: ReadonlyArray<SubmitMessage>,
    cause: Cause.Cause<EventLogError>,
    attemptsLeft: number
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.logWarning(`appending to ${this.topic} failed`, cause)
      const error = findEventLogError(cause)
      this.maybeBehindLog = true
      this.deduplication.markIncomplete()
      if (error?.reason._tag !== "SeqConflict" || attemptsLeft === 0) return rejectAll(commands, toRejection(error))
      yield* this.retryAfterCatchUp(commands, attemptsLeft)
    })
  }

  /** Decides anew on what is in the log. */
  private retryAfterCatchUp(commands: ReadonlyArray<SubmitMessage>, attemptsLeft: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const catchUpExit = yield* Effect.exit(this.catchUp)
      if (Exit.isFailure(catchUpExit)) return rejectAll(commands, toRejection(findEventLogError(catchUpExit.cause)))
      yield* this.commit(commands, attemptsLeft - 1)
    })
  }

  /** Another writer appended, or a commit that was reported as failed had succeeded: takes in what is in the log. */
  readonly catchUp: Effect.Effect<void, EventLogError> = Effect.gen({ self: this }, function*() {
    const { kind, durableState, topic } = this
    const { log } = this.dependencies
    const position = Option.getOrUndefined(yield* log.head(topic))?.position
    const isSameLog = position !== undefined && position.seq >= durableState.seq &&
      (durableState.epoch === position.epoch || durableState.epoch === TopicLoader.noEpoch)
    if (!isSameLog) return yield* this.load
    const entries = yield* TopicLoader.readEntriesAfter(log, kind, topic, durableState.seq)
    const state = entries.reduce((state, entry) => kind.evolve(state, entry.event), durableState.state)
    this.maybeBehindLog = false
    if (entries.length === 0) return
    this.durableState = { ...derive(kind, state), epoch: position.epoch, seq: durableState.seq + entries.length, state }
    this.deduplication.addEntries(entries)
    this.listener.onAppended(durableState, entries)
  })

  private replyAll(commands: ReadonlyArray<SubmitMessage>, { processedCommands, decisions }: DecidedBatch): void {
    for (const [id, command] of processedCommands) this.deduplication.add(id, command)
    for (const [i, message] of commands.entries()) {
      const decision = decisions[i]
      if (decision?._tag === "Reply") replyOnce(message, decision.outcome)
      if (decision?._tag === "Forward") this.dependencies.forward(decision.topic, decision.input, message)
    }
  }
}

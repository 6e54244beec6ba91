/**
 * One topic in memory: a queue, and a fiber that takes everything that has come
 * in, has it written, and tells subscribers, performers and the alarm clock.
 * It lives while somebody listens or something is owed (ROO8).
 */
import { type Cause, Effect, Exit, Queue, Result } from "effect"
import { type Author, CommandId, isUser, type TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { isRetryable, notFound, type Rejection } from "../../domain/protocol/Rejection.ts"
import { type AnyKind, diffIntents } from "../../domain/topic/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import { CatchUps } from "./CatchUps.ts"
import { type DurableState, hasSameReaders, internalRejection } from "./DurableState.ts"
import { type HostMessage, rejectMessage, splitIntoBatches, type SubmitMessage, submitMessage } from "./HostMessages.ts"
import { HostTimers } from "./HostTimers.ts"
import type { IntentRunner } from "./IntentRunner.ts"
import { type FrameMetadata, Subscribers } from "./Subscribers.ts"
import * as TopicAccess from "./TopicAccess.ts"
import { findEventLogError, TopicWriter, toRejection, type WriterDependencies } from "./TopicWriter.ts"

/** What all hosts of a process share. */
export interface HostDependencies extends WriterDependencies {
  readonly directory: Directory["Service"]
  readonly limits: Limits
  readonly uuid: () => string
  readonly intentRunner: IntentRunner
  readonly scheduleTimer: (topic: TopicId, at: number | undefined) => void
  /** Takes the host out of the registry. */
  readonly unregister: (topic: TopicId) => void
}

type MessageOf<Tag extends HostMessage["_tag"]> = Extract<HostMessage, { readonly _tag: Tag }>

/** Messages that may wait for one topic; more are refused as `unavailable`. */
const queueCapacity = 16_384
/** Messages taken at a time: bounds a commit, and the delta that goes out for it. */
const batchMax = 256

export class TopicHost {
  readonly subscribers: Subscribers
  /** Ends when the server stops. */
  readonly queue: Queue.Queue<HostMessage, Cause.Done>
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: HostDependencies
  private readonly writer: TopicWriter
  private readonly timers: HostTimers
  private readonly catchUps: CatchUps
  private readonly runningIntents = new Set<string>()
  /** Seq of the last snapshot that was saved. */
  private savedSnapshotSeq = 0
  private lastActivityAt: number
  /** Asked to leave memory at the end of the turn, and gone. */
  private passivationRequested = false
  private passivated = false
  private loaded = false

  constructor(topic: TopicId, kind: AnyKind, dependencies: HostDependencies) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    // Making a queue is synchronous; a host is started on the turn of the message that needs it.
    this.queue = Effect.runSync(Queue.dropping<HostMessage, Cause.Done>(queueCapacity))
    this.subscribers = new Subscribers(topic, dependencies.limits.catchUp, dependencies.limits.hashEvery)
    this.catchUps = new CatchUps(topic, kind, dependencies, this.subscribers)
    this.lastActivityAt = dependencies.now()
    this.timers = new HostTimers((at) => dependencies.scheduleTimer(topic, at), dependencies.now)
    this.writer = new TopicWriter(topic, kind, dependencies, {
      onLoaded: (previous, { snapshotSeq, tail }) => {
        this.savedSnapshotSeq = snapshotSeq
        this.subscribers.reset(tail)
        this.reconcileIntents(previous)
      },
      onAppended: (previous, entries) => {
        if (!hasSameReaders(previous.listing, this.durableState.listing)) {
          this.subscribers.removeUnauthorised((subscriber) => this.mayRead(subscriber.user), this.newFrameMetadata)
        }
        this.subscribers.publish(entries, this.durableState.state, this.newFrameMetadata)
        this.reconcileIntents(previous)
      }
    })
  }

  /** Hands over a message; false when the queue is full. */
  offer(message: HostMessage): boolean {
    return Queue.offerUnsafe(this.queue, message)
  }

  /** Whether nobody has needed this topic for a while, so that it may leave memory. */
  get canPassivate(): boolean {
    return this.isUnused && this.dependencies.now() - this.lastActivityAt >= this.dependencies.limits.passivateAfter
  }

  private get isUnused(): boolean {
    // Who may be behind its log stays until it has looked: something may be owed there.
    return this.subscribers.size === 0 && this.runningIntents.size === 0 && !this.writer.maybeBehindLog &&
      Queue.sizeUnsafe(this.queue) === 0
  }

  private get durableState(): DurableState {
    return this.writer.durableState
  }

  // -- Life ------------------------------------------------------------------

  /** Loads, then serves until the topic rests or the queue has ended. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    // What is sent in the same turn is taken in the same batch.
    yield* Effect.yieldNow
    while (!this.passivated) yield* this.handleBatch(yield* Queue.takeBetween(this.queue, 1, batchMax))
  }).pipe(Effect.catchTag("Done", () => Effect.void))

  private handleBatch(batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return this.loaded && this.isAuthorised(batch[0]) ? this.processBatch(batch) : this.admitAuthorised(batch)
  }

  /** Whether it comes from somebody who may be here. */
  private isAuthorised(message: HostMessage | undefined): boolean {
    const author = message === undefined ? undefined : TopicAccess.loadRequester(message)
    return this.kind.creationCommands === undefined || author === undefined || !isUser(author) || this.mayRead(author)
  }

  /** Turns strangers away, at the same cost whether the topic is in memory, in the log or nowhere (SEC9). */
  private admitAuthorised(batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const unauthorised = yield* Effect.exit(
        TopicAccess.countUnauthorised(this.dependencies, this.kind, this.topic, batch)
      )
      // Who is in memory can tell for themselves.
      if (Exit.isFailure(unauthorised)) {
        return yield* this.loaded
          ? this.processBatch(batch)
          : this.failLoad(unauthorised.cause, batch)
      }
      for (const message of batch.slice(0, unauthorised.value)) rejectMessage(message, notFound)
      const admitted = batch.slice(unauthorised.value)
      if (admitted.length === 0) return yield* this.loaded ? Effect.void : this.passivate
      if (!this.loaded) {
        const loadExit = yield* Effect.exit(this.writer.load)
        if (Exit.isFailure(loadExit)) return yield* this.failLoad(loadExit.cause, admitted)
        this.loaded = true
      }
      yield* this.processBatch(admitted)
    })
  }

  /** The log could not be read. The next message tries again. */
  private failLoad(cause: Cause.Cause<EventLogError>, batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const error = findEventLogError(cause)
      yield* Effect.logError(`${this.topic} could not be loaded`, cause)
      this.unregister()
      const pendingMessages = [...batch, ...(yield* Queue.clear(this.queue))]
      for (const message of pendingMessages) rejectMessage(message, toRejection(error))
      if (error?.retryable === true && pendingMessages.some((message) => message._tag === "TimerFired")) {
        this.retryWake()
      }
    })
  }

  private processBatch(batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.lastActivityAt = this.dependencies.now()
      for (const { otherMessages, commands } of splitIntoBatches(batch)) {
        if (commands.length > 0) yield* this.writer.commit(commands)
        for (const message of otherMessages) yield* this.handleMessage(message)
      }
      if (this.durableState.seq - this.savedSnapshotSeq >= this.dependencies.limits.snapshotEvery) {
        yield* this.saveSnapshot
      }
      // Only now: whatever came in the same batch may need it.
      if (this.passivationRequested || this.durableState.seq === 0) yield* this.passivate
    }).pipe(
      Effect.catchCause((cause) => {
        for (const message of batch) if (message._tag === "Submit") rejectMessage(message, internalRejection)
        return Effect.logError(`a turn of ${this.topic} met a defect`, cause)
      }),
      Effect.tap(Effect.sync(() => this.timers.setMaybeBehindLog(this.writer.maybeBehindLog)))
    )
  }

  /** Issues what is newly owed, stops what no longer is, and sets the alarm. */
  private reconcileIntents(previous: DurableState): void {
    const { cancelled, started } = diffIntents(previous.pending, this.durableState.pending)
    for (const intent of cancelled) this.dependencies.intentRunner.stop(this.topic, intent.id)
    for (const intent of started) {
      this.runningIntents.add(intent.id)
      this.dependencies.intentRunner.start(this.topic, intent, () => this.runningIntents.delete(intent.id))
    }
    this.timers.setWake(this.durableState.wakeAt)
  }

  // -- Serving ---------------------------------------------------------------

  private readonly newFrameMetadata = (): FrameMetadata => ({
    id: this.dependencies.uuid(),
    now: this.dependencies.now()
  })

  private readonly mayRead = (reader: Author): boolean =>
    Result.getOrElse(Result.try(() => this.kind.canRead(this.durableState.state, reader)), () => false)

  private handleMessage(message: Exclude<HostMessage, SubmitMessage>): Effect.Effect<void> {
    switch (message._tag) {
      case "Subscribe":
        return this.subscribe(message)
      case "Unsubscribe":
        return Effect.sync(() => this.subscribers.remove(message.id))
      case "ReadTopic": {
        const view = { kind: this.kind, state: this.durableState.state, mayRead: this.mayRead }
        return Effect.sync(() => void Result.try(() => message.reply(Result.succeed(view))))
      }
      case "TimerFired":
        return this.handleTimer
      case "Passivate":
        return Effect.sync(() => void (this.passivationRequested = true))
    }
  }

  private subscribe(message: MessageOf<"Subscribe">): Effect.Effect<void> {
    const { from, reply, subscriber } = message
    return Effect.gen({ self: this }, function*() {
      if (!this.mayRead(subscriber.user)) return rejectMessage(message, notFound)
      const catchUp = (yield* this.catchUps.readDeltas(this.durableState, from)) ??
        this.catchUps.encodeSnapshot(this.durableState)
      if (catchUp === undefined) return rejectMessage(message, internalRejection)
      this.subscribers.add(subscriber)
      Result.try(() => reply(Result.succeed({ ...catchUp, ...this.subscribers.hashField(this.durableState.state) })))
    })
  }

  // -- Time ------------------------------------------------------------------

  private readonly handleTimer: Effect.Effect<void> = Effect.suspend(() =>
    this.timers.takeLogCheck() ? Effect.andThen(this.catchUpWithLog, this.wakeIfDue) : this.wakeIfDue
  )

  private readonly wakeIfDue: Effect.Effect<void> = Effect.suspend(() => {
    const { seq, wakeAt } = this.durableState
    if (wakeAt === undefined || !this.timers.isWakeDue) return Effect.sync(() => this.timers.setWake(wakeAt))
    const reply = (outcome: Result.Result<unknown, Rejection>): void => {
      if (Result.isFailure(outcome) && isRetryable(outcome.failure.code)) this.retryWake()
    }
    const id = CommandId.make(`wake:${seq}:${wakeAt}`)
    return this.writer.commit([submitMessage({ id, author: "system:clock", input: { _tag: "Woke" }, reply })])
  })

  /** A wake could not be taken or stored. */
  retryWake(): void {
    this.timers.retryWake()
  }

  /** Takes in what an append that was reported as failed has left in the log, if it has (TOP6). */
  private readonly catchUpWithLog: Effect.Effect<void> = Effect.suspend(() =>
    Effect.ignore(this.writer.catchUp, { log: "Warn", message: `${this.topic} cannot be compared with its log` })
  )

  // -- Leaving memory --------------------------------------------------------

  /** A snapshot is a cache: one that cannot be made or stored is left out (TOP7). */
  private readonly saveSnapshot: Effect.Effect<void> = Effect.suspend(() => {
    const snapshot = this.catchUps.encodeSnapshot(this.durableState)
    if (snapshot === undefined) return Effect.void
    const { position: { seq }, state } = snapshot
    this.savedSnapshotSeq = seq
    const encodedSnapshot = { seq, version: this.kind.version, state: JSON.stringify(state) }
    return Effect.ignore(this.dependencies.log.saveSnapshot(this.topic, encodedSnapshot), { log: "Warn" })
  })

  private readonly passivate: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    this.passivationRequested = false
    if (!this.isUnused) return
    if (this.durableState.seq > this.savedSnapshotSeq) yield* this.saveSnapshot
    // Somebody may have come while the snapshot was stored; from here on nobody can.
    if (!this.isUnused) return
    this.unregister()
  })

  private unregister(): void {
    this.passivated = true
    this.dependencies.unregister(this.topic)
  }
}

/**
 * One topic in memory: a queue, and a fiber that takes every queued message, has the commands committed, publishes what
 * became durable, and replies. It stays in memory while it is used (ROO8).
 *
 * Class or closure: an object per topic or connection is a class with fields, since each closure over an instance
 * costs memory per instance. An object per server is a `make` with closures. The registry of hosts is a class,
 * because it and its hosts refer to each other.
 */
import { type Cause, Effect, Exit, Queue, Result } from "effect"
import { type Author, CommandId, type TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { isRetryable, type Rejection } from "../../domain/protocol/Rejection.ts"
import { rejectionOf } from "../../domain/topic/AppendFailure.ts"
import { type CommandDecision, internalRejection } from "../../domain/topic/CommandBatch.ts"
import { type DurableState, isTitleErased } from "../../domain/topic/DurableState.ts"
import { isIdle, isUnused } from "../../domain/topic/Passivation.ts"
import * as Publication from "../../domain/topic/Publication.ts"
import type { AnyKind, Intent } from "../../domain/topic/Topic.ts"
import { isRestricted, mayRead, noAccessRejection, type Readers } from "../../domain/topic/TopicAccess.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import { type AccessCheckDependencies, countRejected, requesterOf } from "./AccessCheck.ts"
import { CatchUps } from "./CatchUps.ts"
import {
  type HostMessage,
  rejectMessage,
  replyOnce,
  splitIntoBatches,
  type SubmitMessage,
  submitMessage
} from "./HostMessages.ts"
import { HostTimers } from "./HostTimers.ts"
import type { IntentOwner, IntentRunner } from "./IntentRunner.ts"
import { SnapshotWriter } from "./SnapshotWriter.ts"
import { type FrameMetadata, Subscribers } from "./Subscribers.ts"
import { type Advance, findEventLogError, TopicWriter, type WriterDependencies } from "./TopicWriter.ts"

/** The dependencies shared by all hosts of a process. */
export interface HostDependencies extends WriterDependencies, AccessCheckDependencies {
  readonly limits: Limits
  /** A random UUID. */
  readonly uuid: () => string
  readonly intentRunner: IntentRunner
  /** Sets the one timer that a topic has, or clears it. */
  readonly scheduleTimer: (topic: TopicId, at: number | undefined) => void
  /** Passes commands on to the topics that decide them, in order, once their texts are durable. */
  readonly forward: (from: TopicId, commands: ReadonlyArray<ForwardedCommand>) => Effect.Effect<void>
  /** Called when the title of a topic was erased. */
  readonly onTitleErased: (topic: TopicId, readers: Readers) => void
  /** Takes the host out of the registry. */
  readonly unregister: (topic: TopicId) => void
}

/** A command that another topic decides: with this input, in place of its own. */
export interface ForwardedCommand extends Extract<CommandDecision, { readonly _tag: "Forward" }> {
  readonly message: SubmitMessage
}

/** Messages that may be queued for one topic; more are rejected as `unavailable`. */
const queueCapacity = 16_384
/** Messages taken at a time: bounds a commit, and the delta that is published for it. */
const batchMax = 256

/** One topic in memory. */
export class TopicHost implements IntentOwner {
  readonly subscribers: Subscribers
  /** Ends when the server stops. */
  readonly queue: Queue.Queue<HostMessage, Cause.Done>
  readonly timers: HostTimers
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: HostDependencies
  private readonly writer: TopicWriter
  private readonly catchUps: CatchUps
  private readonly snapshots: SnapshotWriter
  private readonly runningIntents = new Set<string>()
  private lastActivityAt: number
  private loaded = false
  /** Takes effect at the end of the batch: a later message of it may still need the topic. */
  private passivationRequested = false
  private passivated = false

  constructor(topic: TopicId, kind: AnyKind, dependencies: HostDependencies) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    // Making a queue is synchronous; a host is started on the turn of the message that needs it.
    this.queue = Effect.runSync(Queue.dropping<HostMessage, Cause.Done>(queueCapacity))
    this.subscribers = new Subscribers(topic, dependencies.limits.catchUp)
    this.catchUps = new CatchUps(topic, kind, dependencies, this.subscribers)
    this.snapshots = new SnapshotWriter(topic, kind, dependencies)
    this.lastActivityAt = dependencies.now()
    this.timers = new HostTimers((at) => dependencies.scheduleTimer(topic, at), dependencies.now)
    this.writer = new TopicWriter(topic, kind, dependencies)
  }

  /** Queues a message; false when the queue is full. */
  enqueue(message: HostMessage): boolean {
    return Queue.offerUnsafe(this.queue, message)
  }

  /** Whether the topic may leave memory (ROO8). */
  get canPassivate(): boolean {
    const { limits, now } = this.dependencies
    return this.isUnused && isIdle(this.lastActivityAt, now(), limits.passivateAfter)
  }

  private get isUnused(): boolean {
    return isUnused({
      subscribers: this.subscribers.size,
      runningIntents: this.runningIntents.size,
      queuedMessages: Queue.sizeUnsafe(this.queue),
      maybeBehindLog: this.writer.maybeBehindLog
    })
  }

  private get durableState(): DurableState {
    return this.writer.durableState
  }

  // -- Batches ---------------------------------------------------------------

  /** Loads, then serves until the topic is passivated or the queue has ended. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    // Messages sent in this turn are taken in one batch.
    yield* Effect.yieldNow
    while (!this.passivated) {
      const batch = yield* Queue.takeBetween(this.queue, 1, batchMax)
      yield* this.loaded && this.isAuthorised(batch[0]) ? this.processBatch(batch) : this.admitBatch(batch)
    }
  }).pipe(Effect.catchTag("Done", () => Effect.void))

  private isAuthorised(message: HostMessage | undefined): boolean {
    const author = message === undefined ? undefined : requesterOf(message)
    return author === undefined || !isRestricted(this.kind, author) || this.mayRead(author)
  }

  /** Rejects users without access at the same cost whether the topic is in memory, in the log or nowhere (SEC9). */
  private admitBatch(batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const rejected = yield* Effect.exit(countRejected(this.dependencies, this.kind, this.topic, batch))
      // A loaded topic decides without the directory.
      if (Exit.isFailure(rejected)) {
        return yield* this.loaded ? this.processBatch(batch) : this.failLoad(rejected.cause, batch)
      }
      for (const message of batch.slice(0, rejected.value)) rejectMessage(message, noAccessRejection)
      const admitted = batch.slice(rejected.value)
      if (admitted.length === 0) return yield* this.loaded ? Effect.void : this.passivate
      if (!this.loaded) {
        const advance = yield* Effect.exit(this.writer.load)
        if (Exit.isFailure(advance)) return yield* this.failLoad(advance.cause, admitted)
        this.publish(advance.value)
        this.loaded = true
      }
      yield* this.processBatch(admitted)
    })
  }

  /** The log could not be read. The next message starts another host, which tries again. */
  private failLoad(cause: Cause.Cause<EventLogError>, batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const error = findEventLogError(cause)
      yield* Effect.logError(`${this.topic} could not be loaded`, cause)
      this.unregister()
      const pendingMessages = [...batch, ...(yield* Queue.clear(this.queue))]
      for (const message of pendingMessages) rejectMessage(message, rejectionOf(error?.reason))
      if (error?.retryable === true && pendingMessages.some((message) => message._tag === "TimerFired")) {
        this.timers.retryWake()
      }
    })
  }

  private processBatch(batch: ReadonlyArray<HostMessage>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.lastActivityAt = this.dependencies.now()
      for (const { otherMessages, commands } of splitIntoBatches(batch)) {
        if (commands.length > 0) yield* this.commit(commands)
        for (const message of otherMessages) yield* this.handleMessage(message)
      }
      yield* this.snapshots.saveIfDue(this.durableState)
      if (this.passivationRequested || this.durableState.seq === 0) yield* this.passivate
    }).pipe(
      Effect.catchCause((cause) => {
        for (const message of batch) if (message._tag === "Submit") rejectMessage(message, internalRejection)
        return Effect.logError(`a batch of ${this.topic} met a defect`, cause)
      }),
      Effect.tap(Effect.sync(() => this.timers.setMaybeBehindLog(this.writer.maybeBehindLog)))
    )
  }

  /** TOP4: first durable, then published, then acknowledged. */
  private commit(commands: ReadonlyArray<SubmitMessage>): Effect.Effect<void> {
    return Effect.flatMap(this.writer.commit(commands), (committed) => {
      this.publish(committed)
      const forwarded: Array<ForwardedCommand> = []
      for (const [i, message] of commands.entries()) {
        const decision = committed.decisions[i]
        if (decision?._tag === "Reply") replyOnce(message, decision.outcome)
        if (decision?._tag === "Forward") forwarded.push({ ...decision, message })
      }
      // The next batch waits: commands of one client keep their order (CON2).
      return forwarded.length === 0 ? Effect.void : this.dependencies.forward(this.topic, forwarded)
    })
  }

  /** Sends the delta, starts and stops intents, and sets the timer, as the durable state has moved on. */
  private publish({ before, entries, loaded }: Advance): void {
    if (entries.length === 0 && loaded === undefined) return
    this.catchUps.forgetSnapshot()
    if (loaded !== undefined) {
      this.snapshots.reset(loaded.snapshotSeq)
      this.subscribers.reset(loaded.tail)
    }
    const { limits } = this.dependencies
    const publication = Publication.publish(before, this.durableState, entries, limits.hashEvery)
    if (publication.checkReaders) {
      this.subscribers.removeUnauthorised(({ user }) => this.mayRead(user), this.newFrameMetadata)
    }
    if (publication.delta !== undefined) {
      this.subscribers.publish(entries, publication.delta, this.durableState.state, this.newFrameMetadata)
    }
    const { intentRunner, onTitleErased } = this.dependencies
    const { listing } = this.durableState
    if (listing !== undefined && isTitleErased(before.listing, listing)) onTitleErased(this.topic, listing)
    for (const intent of publication.cancelled) intentRunner.stop(this.topic, intent.id)
    for (const intent of publication.started) {
      this.runningIntents.add(intent.id)
      intentRunner.start(this.topic, intent, this)
    }
    this.timers.setWake(this.durableState.wakeAt)
  }

  isPending({ id }: Intent): boolean {
    return this.durableState.pending.some((pending) => pending.id === id)
  }

  onDone({ id }: Intent): void {
    this.runningIntents.delete(id)
  }

  private readonly newFrameMetadata = (): FrameMetadata => ({
    id: this.dependencies.uuid(),
    now: this.dependencies.now()
  })

  // -- Other messages --------------------------------------------------------

  private readonly mayRead = (reader: Author): boolean => mayRead(this.kind, this.durableState.state, reader)

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

  private subscribe(message: Extract<HostMessage, { readonly _tag: "Subscribe" }>): Effect.Effect<void> {
    const { from, reply, subscriber } = message
    return Effect.gen({ self: this }, function*() {
      if (!this.mayRead(subscriber.user)) return rejectMessage(message, noAccessRejection)
      const catchUp = (yield* this.catchUps.readDeltas(this.durableState, from)) ??
        (yield* this.catchUps.encodeSnapshot(this.durableState))
      if (catchUp === undefined) return rejectMessage(message, internalRejection)
      this.subscribers.add(subscriber)
      const head = this.writer.headHash
      Result.try(() =>
        reply(Result.succeed({ ...catchUp, head, ...this.subscribers.hashField(this.durableState.state) }))
      )
    })
  }

  // -- Timers ----------------------------------------------------------------

  private readonly handleTimer: Effect.Effect<void> = Effect.suspend(() =>
    this.timers.takeLogCheck() ? Effect.andThen(this.catchUpWithLog, this.wakeIfDue) : this.wakeIfDue
  )

  private readonly wakeIfDue: Effect.Effect<void> = Effect.suspend(() => {
    const { seq, wakeAt } = this.durableState
    if (wakeAt === undefined || !this.timers.isWakeDue) return Effect.sync(() => this.timers.setWake(wakeAt))
    const reply = (outcome: Result.Result<unknown, Rejection>): void => {
      if (Result.isFailure(outcome) && isRetryable(outcome.failure.code)) this.timers.retryWake()
    }
    const id = CommandId.make(`wake:${seq}:${wakeAt}`)
    return this.commit([submitMessage({ id, author: "system:clock", input: { _tag: "TimerFired" }, reply })])
  })

  /** Publishes entries in the log of an append that was reported as failed, if there are any (TOP6). */
  private readonly catchUpWithLog: Effect.Effect<void> = Effect.suspend(() =>
    Effect.ignore(Effect.map(this.writer.catchUp, (advance) => this.publish(advance)), {
      log: "Warn",
      message: `${this.topic} cannot be compared with its log`
    })
  )

  // -- Leaving memory --------------------------------------------------------

  private readonly passivate: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    this.passivationRequested = false
    if (!this.isUnused) return
    yield* this.snapshots.save(this.durableState)
    // A message may have come while the snapshot was stored; `unregister` is on the same turn as this check.
    if (this.isUnused) this.unregister()
  })

  private unregister(): void {
    this.passivated = true
    this.dependencies.unregister(this.topic)
  }
}

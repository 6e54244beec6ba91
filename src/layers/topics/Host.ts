/**
 * One topic in memory: a queue, and a fiber that takes everything that has come
 * in, has it written, and tells subscribers, performers and the alarm clock.
 * It lives while somebody listens or something is owed (ROO8).
 */
import { type Cause, Effect, Exit, Queue, Result } from "effect"
import { type Author, CommandId, isUser, type TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { notFound, type Rejection, retryable } from "../../domain/Rejection.ts"
import { type AnyKind, settle } from "../../domain/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import { Alarm } from "./Alarm.ts"
import { Copies } from "./Copies.ts"
import * as Door from "./Door.ts"
import type { Intents } from "./Intents.ts"
import { type Message, refuse, segments, type Submit, submit } from "./Messages.ts"
import { internal, sameReaders, type Standing } from "./Standing.ts"
import { type Stamp, Subscribers } from "./Subscribers.ts"
import { errorOf, fromLog, type Means, Writer } from "./Writer.ts"

/** What all hosts of a process share. */
export interface Surroundings extends Means {
  readonly directory: Directory["Service"]
  readonly limits: Limits
  readonly uuid: () => string
  readonly intents: Intents
  readonly arm: (topic: TopicId, at: number | undefined) => void
  /** Takes the host out of the registry. */
  readonly left: (topic: TopicId) => void
}

type Served<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** Messages that may wait for one topic; more are refused as `unavailable`. */
const capacity = 16_384
/** Messages taken at a time: bounds a commit, and the delta that goes out for it. */
const batchMax = 256

export class Host {
  readonly subscribers: Subscribers
  /** Ends when the server stops. */
  readonly queue: Queue.Queue<Message, Cause.Done>
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly around: Surroundings
  private readonly writer: Writer
  private readonly alarm: Alarm
  private readonly copies: Copies
  private readonly performing = new Set<string>()
  /** Seq of the last snapshot that was saved. */
  private saved = 0
  private touchedAt: number
  /** Asked to leave memory at the end of the turn, and gone. */
  private tired = false
  private resting = false
  private loaded = false

  constructor(topic: TopicId, kind: AnyKind, around: Surroundings) {
    this.topic = topic
    this.kind = kind
    this.around = around
    // Making a queue is synchronous; a host is started on the turn of the message that needs it.
    this.queue = Effect.runSync(Queue.dropping<Message, Cause.Done>(capacity))
    this.subscribers = new Subscribers(topic, around.limits.catchUp, around.limits.hashEvery)
    this.copies = new Copies(topic, kind, around, this.subscribers)
    this.touchedAt = around.now()
    this.alarm = new Alarm((at) => around.arm(topic, at), around.now)
    this.writer = new Writer(topic, kind, around, {
      installed: (before, { from, tail }) => {
        this.saved = from
        this.subscribers.reset(tail)
        this.follow(before)
      },
      published: (before, entries) => {
        if (!sameReaders(before.listing, this.standing.listing)) {
          this.subscribers.cut((subscriber) => this.mayRead(subscriber.user), this.stamp)
        }
        this.subscribers.append(entries, this.standing.state, this.stamp)
        this.follow(before)
      }
    })
  }

  /** Hands over a message; false when the queue is full. */
  offer(message: Message): boolean {
    return Queue.offerUnsafe(this.queue, message)
  }

  /** Whether nobody has needed this topic for a while, so that it may leave memory. */
  get idle(): boolean {
    return this.unused && this.around.now() - this.touchedAt >= this.around.limits.passivateAfter
  }

  private get unused(): boolean {
    // Who may be behind its log stays until it has looked: something may be owed there.
    return this.subscribers.size === 0 && this.performing.size === 0 && !this.writer.doubtful &&
      Queue.sizeUnsafe(this.queue) === 0
  }

  private get standing(): Standing {
    return this.writer.standing
  }

  // -- Life ------------------------------------------------------------------

  /** Loads, then serves until the topic rests or the queue has ended. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    // What is sent in the same turn is taken in the same batch.
    yield* Effect.yieldNow
    while (!this.resting) yield* this.receive(yield* Queue.takeBetween(this.queue, 1, batchMax))
  }).pipe(Effect.catchTag("Done", () => Effect.void))

  private receive(batch: ReadonlyArray<Message>): Effect.Effect<void> {
    return this.loaded && this.knows(batch[0]) ? this.turn(batch) : this.admit(batch)
  }

  /** Whether it comes from somebody who may be here. */
  private knows(message: Message | undefined): boolean {
    const author = message === undefined ? undefined : Door.wantedBy(message)
    return this.kind.founding === undefined || author === undefined || !isUser(author) || this.mayRead(author)
  }

  /** Turns strangers away, at the same cost whether the topic is in memory, in the log or nowhere (SEC9). */
  private admit(batch: ReadonlyArray<Message>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const strangers = yield* Effect.exit(Door.strangers(this.around, this.kind, this.topic, batch))
      // Who is in memory can tell for themselves.
      if (Exit.isFailure(strangers)) return yield* this.loaded ? this.turn(batch) : this.abandon(strangers.cause, batch)
      for (const message of batch.slice(0, strangers.value)) refuse(message, notFound)
      const admitted = batch.slice(strangers.value)
      if (admitted.length === 0) return yield* this.loaded ? Effect.void : this.rest
      if (!this.loaded) {
        const loading = yield* Effect.exit(this.writer.load)
        if (Exit.isFailure(loading)) return yield* this.abandon(loading.cause, admitted)
        this.loaded = true
      }
      yield* this.turn(admitted)
    })
  }

  /** The log could not be read. The next message tries again. */
  private abandon(cause: Cause.Cause<EventLogError>, taken: ReadonlyArray<Message>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const error = errorOf(cause)
      yield* Effect.logError(`${this.topic} could not be loaded`, cause)
      this.leave()
      const waiting = [...taken, ...(yield* Queue.clear(this.queue))]
      for (const message of waiting) refuse(message, fromLog(error))
      if (error?.retryable === true && waiting.some((message) => message._tag === "Wake")) this.wakeLater()
    })
  }

  private turn(batch: ReadonlyArray<Message>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.touchedAt = this.around.now()
      for (const { others, submits } of segments(batch)) {
        if (submits.length > 0) yield* this.writer.commit(submits)
        for (const message of others) yield* this.serve(message)
      }
      if (this.standing.seq - this.saved >= this.around.limits.snapshotEvery) yield* this.saveSnapshot
      // Only now: whatever came in the same batch may need it.
      if (this.tired || this.standing.seq === 0) yield* this.rest
    }).pipe(
      Effect.catchCause((cause) => {
        for (const message of batch) if (message._tag === "Submit") refuse(message, internal)
        return Effect.logError(`a turn of ${this.topic} met a defect`, cause)
      }),
      Effect.tap(Effect.sync(() => this.alarm.doubt(this.writer.doubtful)))
    )
  }

  /** Issues what is newly owed, stops what no longer is, and sets the alarm. */
  private follow(before: Standing): void {
    const { dropped, issued } = settle(before.pending, this.standing.pending)
    for (const intent of dropped) this.around.intents.stop(this.topic, intent.id)
    for (const intent of issued) {
      this.performing.add(intent.id)
      this.around.intents.start(this.topic, intent, () => this.performing.delete(intent.id))
    }
    this.alarm.set(this.standing.wakeAt)
  }

  // -- Serving ---------------------------------------------------------------

  private readonly stamp = (): Stamp => ({ id: this.around.uuid(), now: this.around.now() })

  private readonly mayRead = (reader: Author): boolean =>
    Result.getOrElse(Result.try(() => this.kind.canRead(this.standing.state, reader)), () => false)

  private serve(message: Exclude<Message, Submit>): Effect.Effect<void> {
    switch (message._tag) {
      case "Subscribe":
        return this.subscribe(message)
      case "Unsubscribe":
        return Effect.sync(() => this.subscribers.remove(message.id))
      case "Look": {
        const view = { kind: this.kind, state: this.standing.state, mayRead: this.mayRead }
        return Effect.sync(() => void Result.try(() => message.use(Result.succeed(view))))
      }
      case "Wake":
        return this.wake
      case "Rest":
        return Effect.sync(() => void (this.tired = true))
    }
  }

  private subscribe(message: Served<"Subscribe">): Effect.Effect<void> {
    const { from, reply, subscriber } = message
    return Effect.gen({ self: this }, function*() {
      if (!this.mayRead(subscriber.user)) return refuse(message, notFound)
      const caughtUp = (yield* this.copies.deltas(this.standing, from)) ?? this.copies.snapshot(this.standing)
      if (caughtUp === undefined) return refuse(message, internal)
      this.subscribers.add(subscriber)
      Result.try(() => reply(Result.succeed({ ...caughtUp, ...this.subscribers.hashed(this.standing.state) })))
    })
  }

  // -- Time ------------------------------------------------------------------

  private readonly wake: Effect.Effect<void> = Effect.suspend(() =>
    this.alarm.takeLook() ? Effect.andThen(this.look, this.wakeTopic) : this.wakeTopic
  )

  private readonly wakeTopic: Effect.Effect<void> = Effect.suspend(() => {
    const { seq, wakeAt } = this.standing
    if (wakeAt === undefined || !this.alarm.wakes) return Effect.sync(() => this.alarm.set(wakeAt))
    const reply = (outcome: Result.Result<unknown, Rejection>): void => {
      if (Result.isFailure(outcome) && retryable(outcome.failure.code)) this.wakeLater()
    }
    const id = CommandId.make(`wake:${seq}:${wakeAt}`)
    return this.writer.commit([submit({ id, author: "system:clock", input: { _tag: "Woke" }, reply })])
  })

  /** A wake could not be taken or stored. */
  wakeLater(): void {
    this.alarm.retry()
  }

  /** Takes in what an append that was reported as failed has left in the log, if it has (TOP6). */
  private readonly look: Effect.Effect<void> = Effect.suspend(() =>
    Effect.ignore(this.writer.catchUp, { log: "Warn", message: `${this.topic} cannot be compared with its log` })
  )

  // -- Leaving memory --------------------------------------------------------

  /** A snapshot is a cache: one that cannot be made or stored is left out (TOP7). */
  private readonly saveSnapshot: Effect.Effect<void> = Effect.suspend(() => {
    const snapshot = this.copies.snapshot(this.standing)
    if (snapshot === undefined) return Effect.void
    const { position: { seq }, state } = snapshot
    this.saved = seq
    const stored = { seq, version: this.kind.version, state: JSON.stringify(state) }
    return Effect.ignore(this.around.log.saveSnapshot(this.topic, stored), { log: "Warn" })
  })

  private readonly rest: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    this.tired = false
    if (!this.unused) return
    if (this.standing.seq > this.saved) yield* this.saveSnapshot
    // Somebody may have come while the snapshot was stored; from here on nobody can.
    if (!this.unused) return
    this.leave()
  })

  private leave(): void {
    this.resting = true
    this.around.left(this.topic)
  }
}

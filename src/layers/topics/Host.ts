/**
 * The one writer of one topic: takes everything that has come in, decides it,
 * appends all of it at once, and only when that is durable tells anybody
 * (TOP3, TOP4). It lives while somebody listens or something is owed.
 *
 * A host never gives up a topic: when the log fails, whoever asked hears
 * `unavailable` and the state is the durable one.
 */
import { Cause, Effect, Exit, Option, Queue, Result, type Schema } from "effect"
import { type Author, CommandId, type Position, type TopicId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import type { Entry } from "../../domain/Log.ts"
import { type Rejection, retryable } from "../../domain/Rejection.ts"
import { type AnyKind, type Intent, type Listing, settle } from "../../domain/Topic.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import type { CatchUp } from "../../services/Topics.ts"
import * as Codecs from "./Codecs.ts"
import type { Intents } from "./Intents.ts"
import * as Load from "./Load.ts"
import { answer, type Message, notFound, refuse, segments, type Submit, submit, unavailable } from "./Messages.ts"
import { Outcomes } from "./Outcomes.ts"
import { decideAll, type Decided, derive, internal, type Standing } from "./Standing.ts"
import { canCatchUp, type Stamp, Subscribers, viewOf } from "./Subscribers.ts"

/** What all hosts of a process share. */
export interface Surroundings {
  readonly log: EventLog["Service"]
  readonly limits: Limits
  readonly now: () => number
  /** 32 random bits. */
  readonly seed: () => number
  readonly uuid: () => string
  readonly intents: Intents
  readonly arm: (topic: TopicId, at: number | undefined) => void
  readonly forward: (topic: TopicId, input: Schema.Json, submit: Submit) => void
  /** Takes the host out of the registry. */
  readonly left: (topic: TopicId) => void
}

/** Messages that may wait for one topic; more are refused as `unavailable`. */
const capacity = 16_384
/** How often a batch is decided again after another writer got there first. */
const attempts = 3

/** Milliseconds until a wake that could not be stored is tried again. */
const retryWake = 1000

const busy = "this cannot be stored right now; try again"

/** A reason of the log as a client hears it. */
const fromLog = ({ reason }: EventLogError): Rejection =>
  unavailable(reason._tag === "LogCorrupt" || reason._tag === "LogUnavailable" && reason.full ? reason.message : busy)

/** Whether a change of listing can have changed who may read. Kinds without one are asked every time. */
const sameReaders = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a !== undefined && b !== undefined && a.visibility === b.visibility &&
  (a.members === b.members || a.members.length === b.members.length && a.members.every((m, i) => m === b.members[i]))

const sameListing = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a === b ||
  sameReaders(a, b) && a?.title === b?.title && a?.status === b?.status && a?.updatedAt === b?.updatedAt

export class Host {
  readonly topic: TopicId
  readonly subscribers: Subscribers
  readonly queue: Queue.Queue<Message, Cause.Done>
  private readonly kind: AnyKind
  private readonly around: Surroundings
  private readonly outcomes: Outcomes
  private readonly performing = new Set<string>()
  private standing: Standing
  /** Seq of the last snapshot that was saved. */
  private saved = 0
  private encoded: { readonly seq: number; readonly json: Schema.Json } | undefined
  private touchedAt: number
  private resting = false

  constructor(topic: TopicId, kind: AnyKind, around: Surroundings) {
    this.topic = topic
    this.kind = kind
    this.around = around
    // Making a queue is synchronous; a host is started on the turn of the message that needs it.
    this.queue = Effect.runSync(Queue.dropping<Message, Cause.Done>(capacity))
    this.subscribers = new Subscribers(topic, around.limits.catchUp)
    this.outcomes = new Outcomes(topic, around.log)
    this.standing = { epoch: Load.unborn, seq: 0, state: undefined, pending: [], wakeAt: undefined, listing: undefined }
    this.touchedAt = around.now()
  }

  /** Hands over a message; false when the queue is full. */
  offer(message: Message): boolean {
    return Queue.offerUnsafe(this.queue, message)
  }

  /** Whether nobody has needed this topic for a while, so that it may leave memory (ROO8). */
  get idle(): boolean {
    return this.unused && this.around.now() - this.touchedAt >= this.around.limits.passivateAfter
  }

  private get unused(): boolean {
    return this.subscribers.size === 0 && this.performing.size === 0 && Queue.sizeUnsafe(this.queue) === 0
  }

  /** The host's life: load, then serve until it rests or the queue ends. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    // What is sent in the same turn is taken in the same batch.
    yield* Effect.yieldNow
    const loaded = yield* Effect.exit(Load.load(this.around.log, this.kind, this.topic))
    if (Exit.isFailure(loaded)) return yield* this.abandon(loaded.cause)
    this.install(loaded.value)
    while (!this.resting) yield* this.turn(yield* Queue.takeAll(this.queue))
    // The queue has ended: the server stops, and everything that was queued is done.
  }).pipe(Effect.catchTag("Done", () => Effect.void))

  private abandon(cause: Cause.Cause<EventLogError>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.logError(`${this.topic} could not be loaded`, cause)
      this.around.left(this.topic)
      const error = Option.getOrUndefined(Cause.findErrorOption(cause))
      for (const message of yield* Queue.clear(this.queue)) {
        refuse(message, error === undefined ? internal : fromLog(error))
      }
    })
  }

  private turn(batch: ReadonlyArray<Message>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.touchedAt = this.around.now()
      for (const { others, submits } of segments(batch)) {
        if (submits.length > 0) yield* this.commit(submits, attempts)
        for (const message of others) yield* this.serve(message)
      }
      if (this.standing.seq - this.saved >= this.around.limits.snapshotEvery) yield* this.saveSnapshot
      if (this.standing.seq === 0) yield* this.rest
    }).pipe(Effect.catchCause((cause) => {
      for (const message of batch) if (message._tag === "Submit") refuse(message, internal)
      return Effect.logError(`a turn of ${this.topic} met a defect`, cause)
    }))
  }

  // -- Committing ------------------------------------------------------------

  private commit(submits: ReadonlyArray<Submit>, left: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { kind, outcomes, standing, topic } = this
      const known = yield* Effect.result(outcomes.lookUp(submits))
      if (Result.isFailure(known)) return answerAll(submits, fromLog(known.failure))
      const decided = decideAll(kind, topic, standing, submits.map((submit) => submit.submission), {
        now: this.around.now(),
        seed: this.around.seed,
        known: outcomes.get
      })
      for (const defect of decided.defects) yield* Effect.logError(`a command to ${topic} met a defect`, defect)
      if (decided.drafts.length === 0) return this.conclude(submits, decided)

      const derived = Result.try(() => derive(kind, decided.state))
      if (Result.isFailure(derived)) return yield* this.isolate(submits, derived.failure)
      const { listing, pending, wakeAt } = derived.success
      const appended = yield* Effect.exit(this.around.log.append({
        topic,
        expected: standing.seq,
        drafts: decided.drafts,
        wakeAt,
        owed: pending.length > 0,
        listing: sameListing(standing.listing, listing) ? undefined : listing ?? null
      }))
      if (Exit.isFailure(appended)) return yield* this.recover(submits, appended.cause, left)
      this.standing = {
        ...derived.success,
        epoch: yield* this.epoch,
        seq: standing.seq + decided.drafts.length,
        state: decided.state
      }
      // Whoever holds a receipt has been sent the delta.
      this.publish(standing, appended.value)
      this.conclude(submits, decided)
    })
  }

  /** The log's epoch; a topic's first event has just given it one. */
  private get epoch(): Effect.Effect<string> {
    const { epoch } = this.standing
    if (epoch !== Load.unborn) return Effect.succeed(epoch)
    return Effect.orElseSucceed(
      Effect.map(
        this.around.log.head(this.topic),
        Option.match({ onNone: () => epoch, onSome: (head) => head.position.epoch })
      ),
      () => epoch
    )
  }

  /** Something about the state that a batch leads to cannot be computed: finds out whose fault it is (FLT25). */
  private isolate(submits: ReadonlyArray<Submit>, defect: unknown): Effect.Effect<void> {
    if (submits.length > 1) {
      return Effect.forEach(submits, (submit) => this.commit([submit], attempts), { discard: true })
    }
    answerAll(submits, internal)
    return Effect.logError(`a command to ${this.topic} led to a state that its kind cannot read`, defect)
  }

  /** Nothing was appended, as far as is known: the durable state stands. */
  private recover(
    submits: ReadonlyArray<Submit>,
    cause: Cause.Cause<EventLogError>,
    left: number
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const error = Option.getOrUndefined(Cause.findErrorOption(cause))
      yield* Effect.logWarning(`appending to ${this.topic} failed`, cause)
      if (error?.reason._tag !== "WrongSeq" || left === 0) {
        return answerAll(submits, error === undefined ? internal : fromLog(error))
      }
      const caughtUp = yield* Effect.exit(this.catchUpWithLog)
      if (Exit.isSuccess(caughtUp)) return yield* this.commit(submits, left - 1)
      answerAll(submits, unavailable(busy))
    })
  }

  /** Another writer appended, or a commit that was reported as failed had succeeded: takes in what is in the log. */
  private readonly catchUpWithLog: Effect.Effect<void, EventLogError> = Effect.gen({ self: this }, function*() {
    const { kind, standing, topic } = this
    const { log } = this.around
    const position = Option.getOrUndefined(yield* log.head(topic))?.position
    const same = position !== undefined && position.seq >= standing.seq &&
      (standing.epoch === position.epoch || standing.seq === 0)
    if (!same) return this.install(yield* Load.load(log, kind, topic))
    const entries = yield* Load.entriesAfter(log, kind, topic, standing.seq)
    const state = entries.reduce((state, entry) => kind.evolve(state, entry.event), standing.state)
    this.standing = { ...derive(kind, state), epoch: position.epoch, seq: standing.seq + entries.length, state }
    this.outcomes.learn(entries)
    this.publish(standing, entries)
  })

  private conclude(submits: ReadonlyArray<Submit>, { carried, verdicts }: Decided): void {
    for (const [id, what] of carried) this.outcomes.remember(id, what)
    for (const [i, submit] of submits.entries()) {
      const verdict = verdicts[i]
      if (verdict?._tag === "Answer") answer(submit, verdict.outcome)
      if (verdict?._tag === "Forward") this.around.forward(verdict.topic, verdict.input, submit)
    }
  }

  // -- Telling ---------------------------------------------------------------

  /** Everybody hears of what has just become durable; whoever may no longer read goes first. */
  private publish(before: Standing, entries: ReadonlyArray<Entry>): void {
    if (!sameReaders(before.listing, this.standing.listing)) {
      this.subscribers.cut((subscriber) => this.mayRead(subscriber.user), this.stamp)
    }
    this.subscribers.append(entries, this.stamp)
    this.follow(before.pending)
  }

  /** Issues what is newly owed, stops what no longer is, and sets the alarm. */
  private follow(before: ReadonlyArray<Intent>): void {
    const { dropped, issued } = settle(before, this.standing.pending)
    for (const intent of dropped) this.around.intents.stop(this.topic, intent.id)
    for (const intent of issued) {
      this.performing.add(intent.id)
      this.around.intents.start(this.topic, intent, () => this.performing.delete(intent.id))
    }
    this.around.arm(this.topic, this.standing.wakeAt)
  }

  private install(loaded: Load.Loaded): void {
    const before = this.standing.pending
    this.standing = loaded.standing
    this.saved = loaded.from
    this.subscribers.reset(loaded.tail)
    this.outcomes.reset(loaded.from, loaded.tail)
    this.follow(before)
  }

  private readonly stamp = (): Stamp => ({ id: this.around.uuid(), now: this.around.now() })

  private mayRead(reader: Author): boolean {
    return Result.getOrElse(Result.try(() => this.kind.canRead(this.standing.state, reader)), () => false)
  }

  // -- Serving ---------------------------------------------------------------

  private serve(message: Exclude<Message, Submit>): Effect.Effect<void> {
    switch (message._tag) {
      case "Subscribe":
        return this.subscribe(message)
      case "Unsubscribe":
        return Effect.sync(() => this.subscribers.remove(message.id))
      case "Look": {
        const { kind, standing: { state } } = this
        return Effect.sync(() =>
          message.use(Result.succeed({ kind, state, mayRead: (reader) => this.mayRead(reader) }))
        )
      }
      case "Wake":
        return this.wake
      case "Rest":
        return this.rest
    }
  }

  private subscribe(
    { from, reply, subscriber }: Extract<Message, { readonly _tag: "Subscribe" }>
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (!this.mayRead(subscriber.user)) return reply(Result.fail(notFound))
      const caughtUp = (yield* this.deltas(from)) ?? this.snapshot()
      if (caughtUp === undefined) return reply(Result.fail(internal))
      this.subscribers.add(subscriber)
      reply(Result.succeed(caughtUp))
    })
  }

  private get position(): Position {
    return { epoch: this.standing.epoch, seq: this.standing.seq }
  }

  private deltas(from: Position | undefined): Effect.Effect<CatchUp | undefined> {
    const { position, topic } = this
    const { limits, log } = this.around
    if (from === undefined || !canCatchUp(from, position, limits.catchUp)) return Effect.undefined
    const recent = this.subscribers.since(from.seq, position.seq)
    if (recent !== undefined) return Effect.succeed({ mode: "deltas", position, events: recent })
    return Load.entriesAfter(log, this.kind, topic, from.seq).pipe(
      Effect.map((entries): CatchUp => ({ mode: "deltas", position, events: entries.map(viewOf) })),
      // A log that cannot be read right now leaves the snapshot, which is in memory.
      Effect.orElseSucceed(() => undefined)
    )
  }

  /** The state as JSON, encoded once per seq however many ask for it. */
  private snapshot(): Extract<CatchUp, { readonly mode: "snapshot" }> | undefined {
    const { position } = this
    let encoded = this.encoded
    if (encoded === undefined || encoded.seq !== position.seq) {
      const json = Codecs.of(this.kind).encodeState(this.standing.state)
      if (Exit.isFailure(json)) return undefined
      // `toCodecJson` encodes into JSON, whatever the kind.
      this.encoded = encoded = { seq: position.seq, json: json.value }
    }
    return { mode: "snapshot", position, state: encoded.json }
  }

  private readonly wake: Effect.Effect<void> = Effect.suspend(() => {
    const { seq, wakeAt } = this.standing
    const now = this.around.now()
    if (wakeAt === undefined || wakeAt > now) return Effect.sync(() => this.around.arm(this.topic, wakeAt))
    const reply = (outcome: Result.Result<unknown, Rejection>): void => {
      if (Result.isFailure(outcome) && retryable(outcome.failure.code)) this.around.arm(this.topic, now + retryWake)
    }
    const id = CommandId.make(`wake:${seq}:${wakeAt}`)
    return this.commit([submit({ id, author: "system:clock", input: { _tag: "Woke" }, reply })], attempts)
  })

  // -- Leaving memory --------------------------------------------------------

  /** A snapshot is a cache: one that cannot be made or stored is left out (TOP7). */
  private readonly saveSnapshot: Effect.Effect<void> = Effect.suspend(() => {
    const snapshot = this.snapshot()
    if (snapshot === undefined) return Effect.void
    const { position: { seq }, state } = snapshot
    this.saved = seq
    const stored = { seq, version: this.kind.version, state: JSON.stringify(state) }
    return Effect.ignore(this.around.log.saveSnapshot(this.topic, stored), { log: "Warn" })
  })

  private readonly rest: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    if (!this.unused) return
    if (this.standing.seq > this.saved) yield* this.saveSnapshot
    // Somebody may have come while the snapshot was stored; from here on nobody can.
    if (!this.unused) return
    this.resting = true
    this.around.left(this.topic)
  })
}

const answerAll = (submits: ReadonlyArray<Submit>, rejection: Rejection): void => {
  for (const submit of submits) answer(submit, Result.fail(rejection))
}

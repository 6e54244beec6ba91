/**
 * Decides, appends, and goes on from what is durable: the part of a host that
 * changes a topic (TOP3, TOP4).
 *
 * When the log fails, whoever asked hears `unavailable` and the state is the
 * durable one. Who is told of what became durable is the host's affair.
 */
import { Cause, Effect, Exit, Option, Result, type Schema } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import type { Rejection } from "../../domain/Rejection.ts"
import type { AnyKind } from "../../domain/Topic.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import * as Load from "./Load.ts"
import { answer, type Submit, unavailable } from "./Messages.ts"
import { Outcomes } from "./Outcomes.ts"
import { decideAll, type Decided, derive, internal, sameListing, type Standing } from "./Standing.ts"

/** What a writer needs besides its topic. */
export interface Means {
  readonly log: EventLog["Service"]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** 32 random bits. */
  readonly seed: () => number
  /** Sends a command on to the topic that decides it, with everything it came with. */
  readonly forward: (topic: TopicId, input: Schema.Json, submit: Submit) => void
}

/** Who hears of changes, before anybody gets a receipt. */
export interface Audience {
  /** `entries` have become durable; the writer stands after them. */
  readonly published: (before: Standing, entries: ReadonlyArray<Entry>) => void
  /** The topic was taken from the log, whatever was known of it before. */
  readonly installed: (before: Standing, loaded: Load.Loaded) => void
}

/** How often a batch is decided again after another writer got there first. */
const attempts = 3

const busy = "this cannot be stored right now; try again"

/** A failure of the log as a client hears it; undefined stands for a defect. */
export const fromLog = (error: EventLogError | undefined): Rejection => {
  if (error === undefined) return internal
  const { reason } = error
  return unavailable(
    reason._tag === "LogCorrupt" || reason._tag === "LogUnavailable" && reason.full ? reason.message : busy
  )
}

/** The typed failure in a cause, if it is one. */
export const errorOf = (cause: Cause.Cause<EventLogError>): EventLogError | undefined =>
  Option.getOrUndefined(Cause.findErrorOption(cause))

const answerAll = (submits: ReadonlyArray<Submit>, rejection: Rejection): void => {
  for (const submit of submits) answer(submit, Result.fail(rejection))
}

export class Writer {
  standing: Standing
  /** Whether the log may be ahead: an append failed, and nothing has shown since where the log stands. */
  doubtful = false
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly means: Means
  private readonly audience: Audience
  private readonly outcomes: Outcomes

  constructor(topic: TopicId, kind: AnyKind, means: Means, audience: Audience) {
    this.topic = topic
    this.kind = kind
    this.means = means
    this.audience = audience
    this.outcomes = new Outcomes(topic, means.log)
    this.standing = { epoch: Load.unborn, seq: 0, state: undefined, pending: [], wakeAt: undefined, listing: undefined }
  }

  /** Takes the topic from the log. Dies when its kind cannot fold it. */
  readonly load: Effect.Effect<void, EventLogError> = Effect.gen({ self: this }, function*() {
    const loaded = yield* Load.load(this.means.log, this.kind, this.topic)
    const before = this.standing
    this.standing = loaded.standing
    this.doubtful = false
    this.outcomes.reset(loaded.exists, loaded.tail)
    this.audience.installed(before, loaded)
  })

  /** Carries out a batch in one append, and answers each of it. */
  commit(submits: ReadonlyArray<Submit>, left = attempts): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { kind, outcomes, standing, topic } = this
      const { log, now, seed } = this.means
      const known = yield* Effect.result(outcomes.lookUp(submits))
      if (Result.isFailure(known)) return answerAll(submits, fromLog(known.failure))
      // The log has what we were told had failed: what follows from it is still to be told and done.
      const ahead = submits.some(({ submission }) => (outcomes.get(submission.id)?.seq ?? 0) > standing.seq)
      if (ahead && left > 0) return yield* this.again(submits, left)
      const submissions = submits.map((submit) => submit.submission)
      const decided = decideAll(kind, topic, standing, submissions, { now: now(), seed, known: outcomes.get })
      for (const defect of decided.defects) yield* Effect.logError(`a command to ${topic} met a defect`, defect)
      if (decided.drafts.length + decided.silent.length === 0) return this.conclude(submits, decided)

      const derived = Result.try(() => derive(kind, decided.state))
      if (Result.isFailure(derived)) return yield* this.isolate(submits, derived.failure)
      const { listing, pending, wakeAt } = derived.success
      const appended = yield* Effect.exit(log.append({
        topic,
        expected: standing.seq,
        drafts: decided.drafts,
        silent: decided.silent,
        wakeAt,
        owed: pending.length > 0,
        listing: sameListing(standing.listing, listing) ? undefined : listing ?? null
      }))
      if (Exit.isFailure(appended)) return yield* this.recover(submits, appended.cause, left)
      this.doubtful = false
      const seq = standing.seq + decided.drafts.length
      this.standing = { ...derived.success, epoch: yield* this.epoch, seq, state: decided.state }
      // Whoever holds a receipt has been sent the delta. Without an event nothing has changed that anybody could be told.
      if (appended.value.length > 0) this.audience.published(standing, appended.value)
      this.conclude(submits, decided)
    })
  }

  /** The log's epoch; a topic's first event has just given it one. */
  private get epoch(): Effect.Effect<string> {
    const { epoch } = this.standing
    if (epoch !== Load.unborn) return Effect.succeed(epoch)
    return this.means.log.head(this.topic).pipe(
      Effect.map(Option.match({ onNone: () => epoch, onSome: (head) => head.position.epoch })),
      // Whoever is told `unborn` gets a snapshot the next time; no more than that.
      Effect.orElseSucceed(() => epoch)
    )
  }

  /** Something about the state that a batch leads to cannot be computed: finds out whose fault it is (FLT25). */
  private isolate(submits: ReadonlyArray<Submit>, defect: unknown): Effect.Effect<void> {
    if (submits.length > 1) return Effect.forEach(submits, (submit) => this.commit([submit]), { discard: true })
    answerAll(submits, internal)
    return Effect.logError(`a command to ${this.topic} led to a state that its kind cannot read`, defect)
  }

  /** Nothing was appended, as far as is known: the durable state stands, until the log is looked at. */
  private recover(
    submits: ReadonlyArray<Submit>,
    cause: Cause.Cause<EventLogError>,
    left: number
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.logWarning(`appending to ${this.topic} failed`, cause)
      const error = errorOf(cause)
      this.doubtful = true
      this.outcomes.doubt()
      if (error?.reason._tag !== "WrongSeq" || left === 0) return answerAll(submits, fromLog(error))
      yield* this.again(submits, left)
    })
  }

  /** Decides anew on what is in the log. */
  private again(submits: ReadonlyArray<Submit>, left: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const caughtUp = yield* Effect.exit(this.catchUp)
      if (Exit.isFailure(caughtUp)) return answerAll(submits, fromLog(errorOf(caughtUp.cause)))
      yield* this.commit(submits, left - 1)
    })
  }

  /** Another writer appended, or a commit that was reported as failed had succeeded: takes in what is in the log. */
  readonly catchUp: Effect.Effect<void, EventLogError> = Effect.gen({ self: this }, function*() {
    const { kind, standing, topic } = this
    const { log } = this.means
    const position = Option.getOrUndefined(yield* log.head(topic))?.position
    const same = position !== undefined && position.seq >= standing.seq &&
      (standing.epoch === position.epoch || standing.epoch === Load.unborn)
    if (!same) return yield* this.load
    const entries = yield* Load.entriesAfter(log, kind, topic, standing.seq)
    const state = entries.reduce((state, entry) => kind.evolve(state, entry.event), standing.state)
    this.doubtful = false
    if (entries.length === 0) return
    this.standing = { ...derive(kind, state), epoch: position.epoch, seq: standing.seq + entries.length, state }
    this.outcomes.learn(entries)
    this.audience.published(standing, entries)
  })

  private conclude(submits: ReadonlyArray<Submit>, { carried, verdicts }: Decided): void {
    for (const [id, what] of carried) this.outcomes.remember(id, what)
    for (const [i, submit] of submits.entries()) {
      const verdict = verdicts[i]
      if (verdict?._tag === "Answer") answer(submit, verdict.outcome)
      if (verdict?._tag === "Forward") this.means.forward(verdict.topic, verdict.input, submit)
    }
  }
}

/**
 * Runs the outstanding intents of topics: a fiber per intent, from its start until its answer is in the log, or until the
 * topic cancels it.
 *
 * At least once: transient failures are retried with back-off, and an intent that a crash cut short is started again under
 * its id by the next load (TOP6). An answer that its kind cannot use, or that leaves the intent pending, is not asked for
 * again: the kind hears `IntentFailed`.
 */
import { Cause, Effect, type Fiber, FiberMap, Result, type Scope } from "effect"
import { CommandId, kindOf, type SystemId, type TopicId } from "../../domain/protocol/Ids.ts"
import { isRetryable, makeRejection, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import { codecsFor, type SchemaMismatch } from "../../domain/topic/KindCodecs.ts"
import { openingsOf, openTexts, textsIn } from "../../domain/topic/SealedText.ts"
import type { AnyKind, CommandOutcome, Intent, IntentFailed, SendCommand } from "../../domain/topic/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"
import type { IntentHandlers } from "../../services/IntentHandlers.ts"
import type { CommandRequest } from "../../services/Topics.ts"
import { backoffSchedule } from "../runtime/BackoffSchedule.ts"

/** The author of an answer that does not come from a topic. */
const externalSystem: SystemId = "system:world"

const retrySchedule = backoffSchedule({ base: 100, cap: 30_000 })

/** The rejection of an input for a topic whose kind this server does not have (TOP8). */
export const kindMissing = (topic: TopicId): Rejection =>
  makeRejection("not_found", "TOP8", `this server has no kind for the topic ${topic}`)

/** The rejection of an input that the topic's kind does not have (TOP8). */
export const inputInvalid = (mismatch: SchemaMismatch): Rejection =>
  makeRejection("malformed", "TOP8", mismatch.message)

/** Queues a command for its topic. */
export type PostCommand = (topic: TopicId, request: CommandRequest) => void

/** Posts a command and waits for its reply. */
export const requestReceipt = (
  post: PostCommand,
  topic: TopicId,
  command: Omit<CommandRequest, "reply">
): Effect.Effect<Receipt, Rejection> =>
  Effect.callback<Receipt, Rejection>((resume) =>
    post(topic, { ...command, reply: (outcome) => resume(Effect.fromResult(outcome)) })
  )

/** Retries the command while its rejection is retryable. */
const retryUntilAccepted = (...args: Parameters<typeof requestReceipt>): Effect.Effect<Receipt, Rejection> =>
  Effect.retry(requestReceipt(...args), { schedule: retrySchedule, while: (rejection) => isRetryable(rejection.code) })

/**
 * The handler of `SendCommand`: the other topic gets the input as a command with the intent's id, and with the texts that were set
 * aside for it (TOP10).
 */
export const makeSendCommand =
  (kinds: ReadonlyMap<string, AnyKind>, log: EventLog["Service"], post: PostCommand) =>
  (from: TopicId, command: SendCommand): Effect.Effect<CommandOutcome> => {
    const kind = kinds.get(kindOf(command.topic))
    const toOutcome = (rejection: Rejection | null): CommandOutcome => ({
      _tag: "CommandOutcome",
      id: command.id,
      rejection
    })
    if (kind === undefined) return Effect.succeed(toOutcome(kindMissing(command.topic)))
    const input = codecsFor(kind).decodeAnswer(command.input)
    if (Result.isFailure(input)) return Effect.succeed(toOutcome(inputInvalid(input.failure)))
    return openAside(log, command.topic, input.success).pipe(
      Effect.flatMap((input) =>
        retryUntilAccepted(post, command.topic, { id: command.id, author: `system:${from}`, input }).pipe(
          Effect.tapError(() => dropAside(log, command.topic, input))
        )
      ),
      Effect.match({ onFailure: toOutcome, onSuccess: () => toOutcome(null) })
    )
  }

/** An input with its texts that were set aside for its topic. Tries until the log can be read. */
const openAside = (log: EventLog["Service"], topic: TopicId, input: unknown): Effect.Effect<unknown> => {
  const commitments = textsIn(input).filter(({ text }) => text.text === null).map(({ text }) => text.c)
  if (commitments.length === 0) return Effect.succeed(input)
  return log.openingsAside(topic, commitments).pipe(
    Effect.retry(retrySchedule),
    Effect.orDie,
    Effect.map((openings) => openTexts(input, openings))
  )
}

/** Drops the texts of an input that its topic has refused: no event has them, so that nobody could erase them (TOP10). */
const dropAside = (log: EventLog["Service"], topic: TopicId, input: unknown): Effect.Effect<void> => {
  const commitments = Object.keys(openingsOf(input))
  return commitments.length === 0
    ? Effect.void
    : Effect.ignore(log.dropAside(topic, commitments), { log: "Warn" })
}

/** Who answers an intent. What does not come from a topic names the intent, and lies one event behind a person's (THR14). */
const answerOrigin = (intent: Intent): Pick<CommandRequest, "answers" | "author" | "depth"> =>
  intent._tag === "SendCommand" && "topic" in intent
    ? { author: `system:${String(intent.topic)}` }
    : { author: externalSystem, answers: { intent: CommandId.make(intent.id) }, depth: 1 }

/** The fibers of running intents, by topic and intent id. */
export interface IntentFibers {
  readonly byKey: FiberMap.FiberMap<string>
  readonly run: (key: string, effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

/** No fibers yet; they are interrupted when the scope closes. */
export const makeFibers: Effect.Effect<IntentFibers, never, Scope.Scope> = Effect.gen(function*() {
  const byKey = yield* FiberMap.make<string>()
  return { byKey, run: yield* FiberMap.runtime(byKey)<never>() }
})

/** How often an answer is submitted again that met a defect: of the kind, or of the storage, which may pass. */
const defectRetryMax = 5

const isDefect = ({ code }: Rejection): boolean => code === "internal"

/** Submits an answer until it is accepted, rejected, or has met too many defects. */
const submitAnswer = (...args: Parameters<typeof requestReceipt>): Effect.Effect<Receipt, Rejection> =>
  Effect.suspend(() => {
    let defects = 0
    return Effect.retry(requestReceipt(...args), {
      schedule: retrySchedule,
      while: (rejection) => isDefect(rejection) ? ++defects <= defectRetryMax : isRetryable(rejection.code)
    })
  })

/** The topic of an intent, as its runner sees it. */
export interface IntentOwner {
  /** Whether the durable state still waits for the intent's answer. */
  readonly isPending: (intent: Intent) => boolean
  /** Called when the intent was answered or interrupted. */
  readonly onDone: (intent: Intent) => void
}

/** Starts and stops intents. */
export interface IntentRunner {
  readonly start: (topic: TopicId, intent: Intent, owner: IntentOwner) => void
  readonly stop: (topic: TopicId, id: string) => void
}

/** A runner whose answers are posted with `post`. */
export const make = (
  fibers: IntentFibers,
  handle: IntentHandlers["Service"]["handle"],
  decodeAnswer: (topic: TopicId, answer: unknown) => Result.Result<unknown, Rejection>,
  post: PostCommand
): IntentRunner => {
  const fiberKey = (topic: TopicId, id: string) => `${topic} ${id}`
  const runIntent = Effect.fnUntraced(function*(topic: TopicId, intent: Intent, owner: IntentOwner) {
    // A handler has no typed failures; one that dies is called again.
    const answer = yield* handle(topic, intent).pipe(
      Effect.tapCause((cause) => Effect.logWarning(`${intent._tag} ${intent.id} of ${topic} will be retried`, cause)),
      Effect.sandbox,
      Effect.retry({ schedule: retrySchedule, while: Cause.hasDies }),
      Effect.orDie
    )
    const submit = (suffix: "answer" | "failure") => (input: unknown) =>
      submitAnswer(post, topic, {
        id: CommandId.make(`${intent.id}/${suffix}`),
        ...answerOrigin(intent),
        input
      })
    const reportFailure = (reason: IntentFailed["reason"], message: string) =>
      Effect.logError(`${intent._tag} ${intent.id} of ${topic} has failed, its answer cannot be used: ${message}`).pipe(
        Effect.andThen(Effect.fromResult(decodeAnswer(topic, { _tag: "IntentFailed", id: intent.id, reason }))),
        // Under the answer's id, unless that is taken: should the answer be in the log after all, this is a repeat of it.
        Effect.flatMap(submit(reason === "unanswered" ? "failure" : "answer"))
      )
    const reportIfPending = (message: string) =>
      owner.isPending(intent) ? reportFailure("unanswered", message) : Effect.void
    const decoded = decodeAnswer(topic, answer)
    yield* (Result.isFailure(decoded)
      ? reportFailure("invalid_answer", decoded.failure.message)
      : submit("answer")(decoded.success).pipe(
        Effect.matchEffect({
          onSuccess: () => reportIfPending("it changes nothing, and the intent is pending still"),
          onFailure: (rejection) =>
            isDefect(rejection) ? reportFailure("defect", rejection.message) : reportIfPending(rejection.message)
        })
      )).pipe(
        Effect.catch((rejection) =>
          Effect.logWarning(`${topic} rejected the failure of ${intent._tag} ${intent.id}`, rejection)
        )
      )
  })
  return {
    start: (topic, intent, owner) =>
      void fibers.run(
        fiberKey(topic, intent.id),
        Effect.ensuring(runIntent(topic, intent, owner), Effect.sync(() => owner.onDone(intent)))
      ),
    stop: (topic, id) => {
      const fiber = FiberMap.getUnsafe(fibers.byKey, fiberKey(topic, id))
      if (fiber._tag === "Some") fiber.value.interruptUnsafe()
    }
  }
}

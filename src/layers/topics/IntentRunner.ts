/**
 * Carries out what topics are owed: a fiber per intent, from when it is issued
 * until its answer is in the log, or until it is no longer owed.
 *
 * At least once: whatever fails for the moment is tried again with back-off,
 * and what a crash cuts short is issued again by the next load (TOP6).
 */
import { Cause, Effect, FiberMap, Result, Schedule } from "effect"
import { CommandId, kindOf, type SystemId, type TopicId } from "../../domain/protocol/Ids.ts"
import { isRetryable, makeRejection, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { AnyKind, CommandOutcome, Intent, SendCommand } from "../../domain/topic/Topic.ts"
import type { IntentHandlers } from "../../services/IntentHandlers.ts"
import type { CommandRequest, Receipt } from "../../services/Topics.ts"
import * as KindCodecs from "./KindCodecs.ts"

/** Who answers an intent that no topic answers. */
const externalSystem: SystemId = "system:world"

/** 100 ms, doubling up to half a minute. */
const retrySchedule = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("30 seconds")])

type PostCommand = (topic: TopicId, request: CommandRequest) => void

/** Posts, and waits for the outcome. */
export const requestReceipt = (
  post: PostCommand,
  topic: TopicId,
  command: Pick<CommandRequest, "id" | "author" | "input">
): Effect.Effect<Receipt, Rejection> =>
  Effect.callback<Receipt, Rejection>((resume) =>
    post(topic, { ...command, reply: (outcome) => resume(Effect.fromResult(outcome)) })
  )

/** `ask`, again and again while waiting can help. */
const retryUntilAccepted = (...args: Parameters<typeof requestReceipt>): Effect.Effect<Receipt, Rejection> =>
  Effect.retry(requestReceipt(...args), { schedule: retrySchedule, while: (rejection) => isRetryable(rejection.code) })

/** Performs `Tell`: the other topic gets the input as a command with the intent's id. */
export const makeSendCommand =
  (kinds: ReadonlyMap<string, AnyKind>, post: PostCommand) =>
  (from: TopicId, command: SendCommand): Effect.Effect<CommandOutcome> => {
    const kind = kinds.get(kindOf(command.topic))
    const toOutcome = (rejection: Rejection | null): CommandOutcome => ({ _tag: "Told", id: command.id, rejection })
    if (kind === undefined) {
      return Effect.succeed(
        toOutcome(makeRejection("not_found", "TOP8", `no kind of topic here is called as in ${command.topic}`))
      )
    }
    const input = KindCodecs.codecsFor(kind).decodeAnswer(command.input)
    if (input._tag === "Failure") {
      return Effect.succeed(toOutcome(makeRejection("malformed", "TOP8", `${command.topic} does not understand this`)))
    }
    return retryUntilAccepted(post, command.topic, { id: command.id, author: `system:${from}`, input: input.value })
      .pipe(
        Effect.as(toOutcome(null)),
        Effect.catch((rejection) => Effect.succeed(toOutcome(rejection)))
      )
  }

const answerAuthor = (intent: Intent): SystemId =>
  intent._tag === "Tell" && "topic" in intent ? `system:${String(intent.topic)}` : externalSystem

/** Starts and stops the fibers; they end with the scope. `done` is called when one has ended by itself. */
export const make = Effect.fnUntraced(
  function*(handle: IntentHandlers["Service"]["handle"], post: PostCommand) {
    const fibers = yield* FiberMap.make<string>()
    const run = yield* FiberMap.runtime(fibers)<never>()
    const fiberKey = (topic: TopicId, id: string) => `${topic} ${id}`

    const runIntent = Effect.fnUntraced(function*(topic: TopicId, intent: Intent) {
      // A performer never fails; one that dies is called again.
      const input = yield* handle(topic, intent).pipe(
        Effect.tapCause((cause) => Effect.logWarning(`${intent._tag} ${intent.id} of ${topic} will be retried`, cause)),
        Effect.sandbox,
        Effect.retry({ schedule: retrySchedule, while: Cause.hasDies }),
        Effect.orDie
      )
      const id = CommandId.make(`${intent.id}/answer`)
      const outcome = yield* Effect.result(retryUntilAccepted(post, topic, { id, author: answerAuthor(intent), input }))
      if (Result.isFailure(outcome)) {
        yield* Effect.logWarning(`${topic} refused the answer to ${intent._tag} ${intent.id}`, outcome.failure)
      }
    })

    return {
      start: (topic: TopicId, intent: Intent, onDone: () => void): void => {
        run(fiberKey(topic, intent.id), Effect.ensuring(runIntent(topic, intent), Effect.sync(onDone)))
      },
      stop: (topic: TopicId, id: string): void => {
        const fiber = FiberMap.getUnsafe(fibers, fiberKey(topic, id))
        if (fiber._tag === "Some") fiber.value.interruptUnsafe()
      }
    }
  }
)

export type IntentRunner = Effect.Success<ReturnType<typeof make>>

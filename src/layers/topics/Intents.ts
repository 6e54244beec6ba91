/**
 * Carries out what topics are owed: a fiber per intent, from when it is issued
 * until its answer is in the log, or until it is no longer owed.
 *
 * At least once: whatever fails for the moment is tried again with back-off,
 * and what a crash cuts short is issued again by the next load (TOP6).
 */
import { Cause, Effect, FiberMap, Result, Schedule } from "effect"
import { CommandId, kindOf, type SystemId, type TopicId } from "../../domain/Ids.ts"
import { reject, type Rejection, retryable } from "../../domain/Rejection.ts"
import type { AnyKind, Intent, Tell, Told } from "../../domain/Topic.ts"
import type { Performers } from "../../services/Performers.ts"
import type { Receipt, Submission } from "../../services/Topics.ts"
import * as Codecs from "./Codecs.ts"

/** Who answers an intent that no topic answers. */
const world: SystemId = "system:world"

/** 100 ms, doubling up to half a minute. */
const patience = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("30 seconds")])

type Post = (topic: TopicId, submission: Submission) => void

/** Posts, and waits for the outcome. */
export const ask = (
  post: Post,
  topic: TopicId,
  command: Pick<Submission, "id" | "author" | "input">
): Effect.Effect<Receipt, Rejection> =>
  Effect.callback<Receipt, Rejection>((resume) =>
    post(topic, { ...command, reply: (outcome) => resume(Effect.fromResult(outcome)) })
  )

/** `ask`, again and again while waiting can help. */
const insist = (...args: Parameters<typeof ask>): Effect.Effect<Receipt, Rejection> =>
  Effect.retry(ask(...args), { schedule: patience, while: (rejection) => retryable(rejection.code) })

/** Performs `Tell`: the other topic gets the input as a command with the intent's id. */
export const makeTell =
  (kinds: ReadonlyMap<string, AnyKind>, post: Post) => (from: TopicId, tell: Tell): Effect.Effect<Told> => {
    const kind = kinds.get(kindOf(tell.topic))
    const told = (rejection: Rejection | null): Told => ({ _tag: "Told", id: tell.id, rejection })
    if (kind === undefined) {
      return Effect.succeed(told(reject("not_found", "TOP8", `no kind of topic here is called as in ${tell.topic}`)))
    }
    const input = Codecs.of(kind).decodeAnswer(tell.input)
    if (input._tag === "Failure") {
      return Effect.succeed(told(reject("malformed", "TOP8", `${tell.topic} does not understand this`)))
    }
    return insist(post, tell.topic, { id: tell.id, author: `system:${from}`, input: input.value }).pipe(
      Effect.as(told(null)),
      Effect.catch((rejection) => Effect.succeed(told(rejection)))
    )
  }

const answerer = (intent: Intent): SystemId =>
  intent._tag === "Tell" && "topic" in intent ? `system:${String(intent.topic)}` : world

/** Starts and stops the fibers; they end with the scope. `done` is called when one has ended by itself. */
export const make = Effect.fnUntraced(
  function*(perform: Performers["Service"]["perform"], post: Post) {
    const fibers = yield* FiberMap.make<string>()
    const run = yield* FiberMap.runtime(fibers)<never>()
    const key = (topic: TopicId, id: string) => `${topic} ${id}`

    const carryOut = Effect.fnUntraced(function*(topic: TopicId, intent: Intent) {
      // A performer never fails; one that dies is called again.
      const input = yield* perform(topic, intent).pipe(
        Effect.tapCause((cause) => Effect.logWarning(`${intent._tag} ${intent.id} of ${topic} will be retried`, cause)),
        Effect.sandbox,
        Effect.retry({ schedule: patience, while: Cause.hasDies }),
        Effect.orDie
      )
      const id = CommandId.make(`${intent.id}/answer`)
      const outcome = yield* Effect.result(insist(post, topic, { id, author: answerer(intent), input }))
      if (Result.isFailure(outcome)) {
        yield* Effect.logWarning(`${topic} refused the answer to ${intent._tag} ${intent.id}`, outcome.failure)
      }
    })

    return {
      start: (topic: TopicId, intent: Intent, done: () => void): void => {
        run(key(topic, intent.id), Effect.ensuring(carryOut(topic, intent), Effect.sync(done)))
      },
      stop: (topic: TopicId, id: string): void => {
        const fiber = FiberMap.getUnsafe(fibers, key(topic, id))
        if (fiber._tag === "Some") fiber.value.interruptUnsafe()
      }
    }
  }
)

export type Intents = Effect.Success<ReturnType<typeof make>>

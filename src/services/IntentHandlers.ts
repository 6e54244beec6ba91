/** Who carries out which intents of topics. */
import { Context, type Effect } from "effect"
import type { TopicId } from "../domain/protocol/Ids.ts"
import type { Intent } from "../domain/topic/Topic.ts"

/** Carries out one intent; what it returns goes to the topic as an answer with id `<intent id>/answer`. */
export type IntentHandler<I extends Intent = Intent> = (topic: TopicId, intent: I) => Effect.Effect<unknown>

/**
 * Who carries out which intents, by tag. Typed failures belong into answers: a performer that dies is called again
 * with back-off. An intent that is no longer owed is interrupted.
 */
export class IntentHandlers extends Context.Service<IntentHandlers, {
  readonly register: <I extends Intent>(tag: I["_tag"], handler: IntentHandler<I>) => Effect.Effect<void>
  /** Waits until somebody has registered for the intent's tag. */
  readonly handle: IntentHandler
}>()("choir/services/IntentHandlers") {}

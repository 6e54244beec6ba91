/**
 * The handlers of intents, by tag: the code that carries out the effects of topics outside the log.
 *
 * **When to use**
 *
 * Register a handler for each intent of a kind of your own. `SendCommand`, a command to another topic, has one already.
 *
 * **Details**
 *
 * A handler's result is submitted to the topic as an answer, a value of the kind's `Answer`, under `<intent id>/answer`.
 * A handler runs from the moment its intent is outstanding until it is answered, and is interrupted when the topic cancels
 * the intent. An intent without a handler waits for one to be registered.
 *
 * **Gotchas**
 *
 * - At least once: after a crash the same intent, with the same id, is handled again (TOP6). Make effects idempotent by it.
 * - A handler has no error channel: expected failures are answers. One that dies is called again, with back-off (FLT25).
 * - An answer that does not fit the kind's `Answer` is logged as an error and never decided: the kind gets `IntentFailed`
 *   in its place. It gets it as well after an answer that leaves the intent pending, such as one to another intent. The
 *   handler is not called again for that intent while its topic stays in memory.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * interface Translate extends Domain.Topic.Intent {
 *   readonly _tag: "Translate"
 *   readonly text: string
 * }
 *
 * const program = Effect.gen(function*() {
 *   const handlers = yield* Services.IntentHandlers.IntentHandlers
 *   yield* handlers.register<Translate>("Translate", (_topic, { id, text }) =>
 *     Effect.succeed({ _tag: "Translated", id, text: text.toUpperCase() }))
 *   const intent: Translate = { _tag: "Translate", id: "t1", text: "hello" }
 *   return yield* handlers.handle(Domain.Ids.TopicId.make("note:one"), intent)
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.IntentHandlersLive.layer)))
 * // => { _tag: "Translated", id: "t1", text: "HELLO" }
 * ```
 */
import { Context, type Effect } from "effect"
import type { TopicId } from "../domain/protocol/Ids.ts"
import type { Intent } from "../domain/topic/Topic.ts"

/**
 * Handles one intent and returns the answer. Taken from a method, whose parameters compare bivariantly: a registry may hold
 * handlers of narrower intents, since it calls each with intents of its own tag only.
 */
export type IntentHandler<I extends Intent = Intent> = {
  handle(topic: TopicId, intent: I): Effect.Effect<unknown>
}["handle"]

/** The tag. */
export class IntentHandlers extends Context.Service<IntentHandlers, {
  /** Sets the handler of a tag, in place of the one before. */
  readonly register: <I extends Intent>(tag: I["_tag"], handler: IntentHandler<I>) => Effect.Effect<void>
  /** Calls the handler of the intent's tag, once there is one. */
  readonly handle: IntentHandler
}>()("choir/services/IntentHandlers") {}

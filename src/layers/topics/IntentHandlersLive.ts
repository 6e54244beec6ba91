/**
 * The registry of intent handlers, in memory.
 *
 * **When to use**
 *
 * Provide it to `TopicsLocal.layer` and to the layers that register handlers, as one shared layer value. The server's own is
 * part of `App`.
 *
 * **Details**
 *
 * An intent may be handled before its handler is registered: it waits. A later registration of a tag replaces the earlier
 * one for intents that are not handled yet.
 *
 * **Gotchas**
 *
 * - Built twice, it is two registries: provide it once, below everything that uses it.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Fiber } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { handle, register } = yield* Services.IntentHandlers.IntentHandlers
 *   const topic = Domain.Ids.TopicId.make("note:one")
 *   const answer = yield* Effect.forkChild(handle(topic, { _tag: "Ping", id: "p1" }))
 *   yield* register("Ping", (_topic, { id }) => Effect.succeed({ _tag: "Pong", id }))
 *   return yield* Fiber.join(answer)
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.IntentHandlersLive.layer)))
 * // => { _tag: "Pong", id: "p1" }
 * ```
 */
import { Deferred, Effect, Layer } from "effect"
import type { Intent } from "../../domain/topic/Topic.ts"
import { type IntentHandler, IntentHandlers } from "../../services/IntentHandlers.ts"

/** A registry without handlers. */
export const layer: Layer.Layer<IntentHandlers> = Layer.sync(IntentHandlers, () => {
  const handlers = new Map<string, Deferred.Deferred<IntentHandler>>()
  const handlerFor = (tag: string): Deferred.Deferred<IntentHandler> => {
    let deferred = handlers.get(tag)
    if (deferred === undefined) handlers.set(tag, deferred = Deferred.makeUnsafe())
    return deferred
  }
  return IntentHandlers.of({
    register: <I extends Intent>(tag: I["_tag"], handler: IntentHandler<I>) =>
      Effect.sync(() => {
        if (Deferred.isDoneUnsafe(handlerFor(tag))) handlers.delete(tag)
        Deferred.doneUnsafe(handlerFor(tag), Effect.succeed(handler))
      }),
    handle: (topic, intent) =>
      Effect.flatMap(Deferred.await(handlerFor(intent._tag)), (handler) => handler(topic, intent))
  })
})

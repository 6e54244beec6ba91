/** The registry of performers: whoever carries out a kind of intent says so once, at start. */
import { Deferred, Effect, Layer } from "effect"
import type { Intent } from "../../domain/topic/Topic.ts"
import { type IntentHandler, IntentHandlers } from "../../services/IntentHandlers.ts"

/** An empty registry. An intent whose tag nobody has registered for waits. Registering a tag again replaces. */
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
        // An intent is only ever handed to the performer of its own tag.
        Deferred.doneUnsafe(handlerFor(tag), Effect.succeed(handler as unknown as IntentHandler))
      }),
    handle: (topic, intent) =>
      Effect.flatMap(Deferred.await(handlerFor(intent._tag)), (handler) => handler(topic, intent))
  })
})

/** The registry of performers: whoever carries out a kind of intent says so once, at start. */
import { Deferred, Effect, Layer } from "effect"
import type { Intent } from "../domain/Topic.ts"
import { type Perform, Performers } from "../services/Performers.ts"

/** An empty registry. An intent whose tag nobody has registered for waits. Registering a tag again replaces. */
export const layer: Layer.Layer<Performers> = Layer.sync(Performers, () => {
  const performers = new Map<string, Deferred.Deferred<Perform>>()
  const slot = (tag: string): Deferred.Deferred<Perform> => {
    let deferred = performers.get(tag)
    if (deferred === undefined) performers.set(tag, deferred = Deferred.makeUnsafe())
    return deferred
  }
  return Performers.of({
    register: <I extends Intent>(tag: I["_tag"], perform: Perform<I>) =>
      Effect.sync(() => {
        if (Deferred.isDoneUnsafe(slot(tag))) performers.delete(tag)
        // An intent is only ever handed to the performer of its own tag.
        Deferred.doneUnsafe(slot(tag), Effect.succeed(perform as unknown as Perform))
      }),
    perform: (topic, intent) => Effect.flatMap(Deferred.await(slot(intent._tag)), (perform) => perform(topic, intent))
  })
})

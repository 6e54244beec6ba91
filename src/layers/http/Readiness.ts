/**
 * Whether this process should get traffic (OPS3): false until recovery is complete, and again while draining (SYN11).
 *
 * **When to use**
 *
 * Beside `HttpApp.layer`, whose `/health/ready` reads it. `App.layer` includes it and sets it.
 *
 * **Details**
 *
 * A `Ref` of a boolean, false at first. Routes that must not serve while draining read it as well.
 *
 * **Gotchas**
 *
 * Nothing sets it by itself. When you compose a server from parts, set it to true once all topics have recovered, and to
 * false before you drain.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect, Ref } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const readiness = yield* Layers.Readiness.Readiness
 *   yield* Ref.set(readiness, true)
 *   return yield* Ref.get(readiness)
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.Readiness.layer)))
 * // => true
 * ```
 */
import { Context, Layer, Ref } from "effect"

/** Read by `/health/ready` and by routes that must not serve while draining; set by the code that starts the server. */
export class Readiness extends Context.Service<Readiness, Ref.Ref<boolean>>()(
  "choir/layers/http/Readiness"
) {}

/** Not ready at first. */
export const layer: Layer.Layer<Readiness> = Layer.effect(Readiness, Ref.make(false))

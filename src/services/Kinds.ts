/**
 * The kinds of topic that this server supports, by the part of a topic id before the colon (TOP8).
 *
 * **When to use**
 *
 * Provide it with `Domain.BuiltInKinds.builtInKinds`, with kinds of your own, or with both.
 *
 * **Details**
 *
 * A map from the name of a kind to the kind. It is read when a topic is loaded and when a frame is decoded, and does not
 * change while the server runs.
 *
 * **Gotchas**
 *
 * - A topic of an unknown kind is answered with `not_found`. Removing a kind makes its logs unreachable, not lost.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const kinds = Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds)
 * const names = Effect.map(Services.Kinds.Kinds, (kinds) => [...kinds.keys()])
 * console.log(await Effect.runPromise(Effect.provide(names, kinds)))
 * // => [ "thread", "ledger", "room" ]
 * ```
 */
import { Context } from "effect"
import type { AnyKind } from "../domain/topic/Topic.ts"

/** The tag. */
export class Kinds extends Context.Service<Kinds, ReadonlyMap<string, AnyKind>>()("choir/services/Kinds") {}

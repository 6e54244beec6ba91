/**
 * The kinds of topic that this server supports, by the part of a topic id before the colon (TOP8).
 *
 * **When to use**
 *
 * Provide it with `Layers.KindsLive.layer`, from `Domain.BuiltInKinds.builtInKinds`, kinds of your own, or both.
 *
 * **Details**
 *
 * A map from the name of a kind to the kind. It is read when a topic is loaded and when a frame is decoded, and does not
 * change while the server runs.
 *
 * **Gotchas**
 *
 * - A map that is provided as it is has not been checked: `Layers.KindsLive.layer` refuses kinds that cannot be served.
 * - Without the kind `ledger`, users have no accounts: every balance is 0, and nothing can be staked.
 * - A topic of an unknown kind is answered with `not_found`. Removing a kind makes its logs unreachable, not lost.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const kinds = Layers.KindsLive.layer(Domain.BuiltInKinds.builtInKinds.values())
 * const names = Effect.map(Services.Kinds.Kinds, (kinds) => [...kinds.keys()])
 * console.log(await Effect.runPromise(Effect.provide(names, kinds)))
 * // => [ "thread", "ledger", "room", "user" ]
 * ```
 */
import { Context, Schema } from "effect"
import type { AnyKind } from "../domain/topic/Topic.ts"

/** A kind cannot be served; `problem` is the end of a sentence that begins with its name. */
export class KindInvalid extends Schema.TaggedError<KindInvalid>()("KindInvalid", {
  kind: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the kind ${JSON.stringify(this.kind)} cannot be served: ${this.problem}`
  }
}

/** The tag. */
export class Kinds extends Context.Service<Kinds, ReadonlyMap<string, AnyKind>>()("choir/services/Kinds") {}

/**
 * The kinds of a server, checked before it starts (TOP8).
 *
 * **When to use**
 *
 * Provide it to `TopicsLocal.layer` and `Gateway.layer`. `App.layer` includes it, with the built-in kinds.
 *
 * **Details**
 *
 * It fails with `KindInvalid` for a kind that cannot be served: its name is none that a topic id can hold, or another
 * kind has it; a command is a message of the protocol, or an answer; `commands` are not the tags of its `Command` schema.
 *
 * **Gotchas**
 *
 * It calls none of a kind's functions: whether they keep the laws of a kind is for the kind's own tests.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const { threadKind } = Domain.Thread
 * const names = Effect.map(Services.Kinds.Kinds, (kinds) => [...kinds.keys()])
 * const attempt = Effect.provide(names, Layers.KindsLive.layer([threadKind, threadKind]))
 * console.log((await Effect.runPromise(Effect.flip(attempt))).message)
 * // => the kind "thread" cannot be served: another kind has this name
 * ```
 */
import { Effect, Layer } from "effect"
import { findKindProblem } from "../../domain/topic/KindProblem.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import { KindInvalid, Kinds } from "../../services/Kinds.ts"

/** These kinds, by name. */
export const layer = (kinds: Iterable<AnyKind>): Layer.Layer<Kinds, KindInvalid> => Layer.effect(Kinds, collect(kinds))

const collect = Effect.fnUntraced(function*(kinds: Iterable<AnyKind>) {
  const byName = new Map<string, AnyKind>()
  for (const kind of kinds) {
    const problem = byName.has(kind.name) ? "another kind has this name" : findKindProblem(kind)
    if (problem !== undefined) return yield* new KindInvalid({ kind: kind.name, problem })
    byName.set(kind.name, kind)
  }
  return byName
})

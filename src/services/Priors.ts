/**
 * Finds published messages by meaning, for Experience (CHO4).
 *
 * **When to use**
 *
 * To let the Chorus search something else than the threads of this server: provide a service with this tag to
 * `ChorusLive.layer`. `PriorsLive` searches the index that `SearchIndexerLive` fills.
 *
 * **Details**
 *
 * The result holds at most ten messages, the best first. Identical texts are collapsed to the earliest, and of one
 * message only the best chunk is returned.
 *
 * **Gotchas**
 *
 * An implementation is responsible for access: what it returns is shown to every reader of `thread`, so that only text
 * that all of them may read may be returned (CHO13, SEC10). The search must not block a run: fail with
 * `PriorsUnavailable`, and the run continues without priors (FLT13). An implementation over texts that can be erased also has
 * `awaitErased`: without it, a run goes on with what it was given (TOP10).
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Domain, Services } from "choir"
 *
 * const { Priors } = Services.Priors
 * const thread = Domain.Ids.TopicId.make("thread:tea")
 *
 * // A fixed list, searched by words.
 * const notes = ["Steep green tea at 80 degrees.", "The cat sleeps."].map((content, n) => ({
 *   id: `note-${n}`,
 *   content,
 *   author: "system:notes" as const,
 *   thread: Domain.Ids.TopicId.make("thread:notes"),
 *   seq: n + 1,
 *   c: "A".repeat(43),
 *   similarity: 1,
 *   created_at: 0
 * }))
 * const priors = Priors.of({
 *   find: (text) => Effect.succeed(notes.filter(({ content }) => text.split(" ").some((word) => content.includes(word))))
 * })
 *
 * const program = Effect.gen(function*() {
 *   const { find } = yield* Priors
 *   console.log((yield* find("green tea", thread)).map(({ id }) => id)) // [ "note-0" ]
 * })
 * await Effect.runPromise(program.pipe(Effect.provideService(Priors, priors)))
 * ```
 */
import { Context, type Effect, Schema } from "effect"
import type { Prior } from "../domain/chorus/ChorusModel.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"

/** The search failed. The Chorus continues without priors, and the run records it. */
export class PriorsUnavailable extends Schema.TaggedError<PriorsUnavailable>()("PriorsUnavailable", {
  operation: Schema.Literals(["embed", "search"]),
  retryable: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message() {
    return `earlier writing cannot be searched right now (${this.operation})`
  }
}

/** The search for priors. */
export class Priors extends Context.Service<Priors, {
  /**
   * The nearest messages to `text` that every reader of `thread` may read (CHO13), the best first: of 80 candidates by
   * cosine, identical texts are collapsed to the earliest, and 10 are kept. Every hit is authorised again after the
   * search (SEC10).
   */
  readonly find: (text: string, thread: TopicId) => Effect.Effect<ReadonlyArray<Prior>, PriorsUnavailable>
  /** Ends once the text of one of these priors was erased, also before the call (TOP10). */
  readonly awaitErased?: (priors: ReadonlyArray<Prior>) => Effect.Effect<void>
}>()("choir/services/Priors") {}

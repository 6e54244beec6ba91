/** What the group wrote before, found by meaning (CHO4). */
import { Context, type Effect, Schema } from "effect"
import type { Prior } from "../domain/chorus/ChorusModel.ts"
import type { UserId } from "../domain/protocol/Ids.ts"

/** The search could not be made. The Chorus goes on without priors and says so. */
export class PriorsUnavailable extends Schema.TaggedError<PriorsUnavailable>()("PriorsUnavailable", {
  operation: Schema.Literals(["embed", "search"]),
  retryable: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message() {
    return `earlier writing cannot be searched right now (${this.operation})`
  }
}

export class Priors extends Context.Service<Priors, {
  /**
   * The nearest messages to `text` that `reader` may see, best first: 80 candidates by cosine, identical content
   * collapsed to the earliest, 10 kept. Every hit is authorised again after the search.
   */
  readonly find: (text: string, reader: UserId) => Effect.Effect<ReadonlyArray<Prior>, PriorsUnavailable>
}>()("choir/services/Priors") {}

/** Whether the search index says what the logs say (STO5). */
import { Context, type Effect } from "effect"
import type { VectorFault } from "../domain/search/Vector.ts"
import type { DatabaseError } from "./Database.ts"
import type { EventLogError } from "./EventLog.ts"
import type { VectorIndexError } from "./VectorIndex.ts"

/** One difference between the index and the logs, by point. */
export type Inconsistency =
  /** Published, but not in the index. */
  | { readonly _tag: "Missing"; readonly id: string }
  /** In the index, but never published. */
  | { readonly _tag: "Orphan"; readonly id: string }
  /** In the index with something else than was published, or made by another model. */
  | { readonly _tag: "Stale"; readonly id: string }
  | { readonly _tag: "BadVector"; readonly id: string; readonly fault: VectorFault }

export class IndexConsistency extends Context.Service<IndexConsistency, {
  /** Compares all of the index with all of the logs; both may be written to meanwhile. */
  readonly verify: Effect.Effect<ReadonlyArray<Inconsistency>, EventLogError | VectorIndexError>
  /** Mends these and nothing else: deletes what is wrong, has what is missing taken in again from the logs. */
  readonly repair: (
    inconsistencies: ReadonlyArray<Inconsistency>
  ) => Effect.Effect<void, EventLogError | DatabaseError>
}>()("choir/services/IndexConsistency") {}

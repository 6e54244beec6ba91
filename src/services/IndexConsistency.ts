/** Verifies that the search index holds exactly what the logs publish, and repairs it (STO5). */
import { Context, type Effect } from "effect"
import type { Inconsistency } from "../domain/search/IndexConsistency.ts"
import type { DatabaseError } from "./Database.ts"
import type { EventLogError } from "./EventLog.ts"
import type { VectorIndexError } from "./VectorIndex.ts"

/** Verification and repair of the search index. */
export class IndexConsistency extends Context.Service<IndexConsistency, {
  /** Every difference between the index and the logs; both may be written to meanwhile. */
  readonly verify: Effect.Effect<ReadonlyArray<Inconsistency>, EventLogError | VectorIndexError>
  /** Repairs these differences and nothing else: deletes wrong points, and has missing ones indexed again. */
  readonly repair: (
    inconsistencies: ReadonlyArray<Inconsistency>
  ) => Effect.Effect<void, EventLogError | DatabaseError>
}>()("choir/services/IndexConsistency") {}

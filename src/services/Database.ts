/** Points stored and searched, with every operation checked first and every failure met by its recovery (STO1, STO6). */
import { Context, type Effect, Schema } from "effect"
import { EngineFailure, OperationRejection } from "../domain/search/StorageError.ts"
import type { Operation, StorageState } from "../domain/search/StorageModel.ts"
import type { Hit } from "../domain/search/VectorPoint.ts"

/** The operation was refused, or failed after what could be tried. Nothing is half remembered. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  reason: Schema.Union([OperationRejection, EngineFailure])
}) {
  override get message() {
    return this.reason.message
  }

  /** Whether the same operation may work later. */
  get retryable(): boolean {
    const { _tag } = this.reason
    return _tag === "ConnectionError" || _tag === "InconsistencyError"
  }
}

/** What an operation answers: hits for a search, best first. */
export type OperationOutput<O extends Operation> = O extends { readonly _tag: "Search" } ? ReadonlyArray<Hit> : void

export class Database extends Context.Service<Database, {
  /**
   * Checks the operation, applies it to the engine, and recovers: connections by waiting (writes a few times, reads
   * hardly at all, so that whoever asks can go on without), lost collections by making them, vectors by embedding
   * the text again.
   */
  readonly execute: <O extends Operation>(operation: O) => Effect.Effect<OperationOutput<O>, DatabaseError>
  readonly state: Effect.Effect<StorageState>
  /**
   * Runs `listener` when the engine turns out to have lost a collection, and before it is made anew: what it held has
   * to come again from the logs, whatever happens to this process meanwhile. When that cannot be seen to (false), the
   * operation fails and the collection stays away. Returns how to stop.
   */
  readonly onCollectionLost: (listener: (collection: string) => Effect.Effect<boolean>) => () => void
}>()("choir/services/Database") {}

/** The collection that published text is searched in; its name changes with the embedding model (STO7). */
export class PriorsCollection extends Context.Service<PriorsCollection, {
  readonly name: string
  readonly dimension: number
  /** Names the embedding model in every point. */
  readonly embedModel: string
}>()("choir/services/Database/PriorsCollection") {}

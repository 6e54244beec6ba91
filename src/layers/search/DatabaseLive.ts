/**
 * Drives the pure storage decisions over a vector index: decides inside the ref, applies the command outside it,
 * rolls back when the engine fails, and carries out the recovery (STO1, STO6). Owns no rule: those are in
 * `domain/search`.
 *
 * **When to use**
 *
 * Under `SearchIndexerLive` and `PriorsLive`, over any `VectorIndex` and any `EmbeddingModel`.
 *
 * **Details**
 *
 * Writes run one at a time, so that a rollback undoes no other write; searches run concurrently. The first operation
 * creates the collection.
 *
 * **Gotchas**
 *
 * The state is a cache of one process. Two processes may share an engine: versions decide between their writes, and a
 * point that is not cached is fetched before it is updated.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Layers, Services } from "choir"
 *
 * const program = Effect.gen(function*() {
 *   const database = yield* Services.Database.Database
 *   yield* database.execute({ _tag: "Delete", collection: "notes", ids: [] })
 *   const { collections } = yield* database.state
 *   console.log(collections.get("notes")) // ready: the first operation created it
 * })
 *
 * const layer = Layers.DatabaseLive.layer.pipe(Layer.provide([
 *   Layers.VectorIndexMemory.layer,
 *   Layers.Models.layer({}),
 *   Layer.succeed(Services.Database.PriorsCollection, { name: "notes", dimension: 2, embedModel: "example" })
 * ]))
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Duration, Effect, Layer, Ref, Result, Semaphore } from "effect"
import { type AiError, EmbeddingModel } from "effect/ai"
import * as Storage from "../../domain/search/Storage.ts"
import {
  EmbeddingUnavailable,
  type EngineFailure,
  type OperationRejection,
  type RecoveryAction,
  VectorError
} from "../../domain/search/StorageError.ts"
import { type EngineCommand, initial, type Operation, type StorageState } from "../../domain/search/StorageModel.ts"
import * as StorageRecovery from "../../domain/search/StorageRecovery.ts"
import type { Hit } from "../../domain/search/VectorPoint.ts"
import { Database, DatabaseError, PriorsCollection } from "../../services/Database.ts"
import { VectorIndex, type VectorIndexError } from "../../services/VectorIndex.ts"
import * as IndexErrors from "./IndexErrors.ts"

interface OperationFailure {
  readonly error: EngineFailure | OperationRejection
  readonly recovery: RecoveryAction
}

/** Called when a collection is lost; answers whether it may be created again. */
type CollectionLostListener = (collection: string) => Effect.Effect<boolean>

/** The dependencies and state of the functions below. */
interface Dependencies {
  readonly index: VectorIndex["Service"]
  readonly embedding: EmbeddingModel.EmbeddingModel
  readonly state: Ref.Ref<StorageState>
  /** One write at a time, so that a rollback undoes no other write. */
  readonly writeLock: Semaphore.Semaphore
  readonly collectionLostListeners: Set<CollectionLostListener>
}

const make = Effect.gen(function*() {
  const { dimension, name } = yield* PriorsCollection
  const dependencies: Dependencies = {
    index: yield* VectorIndex,
    embedding: yield* EmbeddingModel.EmbeddingModel,
    state: yield* Ref.make(initial([{ name, dimension }])),
    writeLock: yield* Semaphore.make(1),
    collectionLostListeners: new Set()
  }
  const execute = Effect.fn("Database.execute")((operation: Operation) =>
    Effect.mapError(executeWithRecovery(dependencies, operation), ({ error }) => new DatabaseError({ reason: error }))
  )
  return Database.of({
    execute: execute as Database["Service"]["execute"],
    state: Ref.get(dependencies.state),
    onCollectionLost: (listener) => {
      dependencies.collectionLostListeners.add(listener)
      return () => void dependencies.collectionLostListeners.delete(listener)
    }
  })
})

/** Retries within the operation's budget; a recovery that fails counts as a retry. */
const executeWithRecovery = Effect.fnUntraced(function*(dependencies: Dependencies, initialOperation: Operation) {
  let operation = initialOperation
  const { maxDelay, retries } = StorageRecovery.retryBudget(operation)
  let outcome = yield* Effect.result(attempt(dependencies, operation))
  for (let remaining = retries; Result.isFailure(outcome); remaining--) {
    const { failure } = outcome
    const recovery = StorageRecovery.limitRecovery(operation, failure.recovery, { retries: remaining, maxDelay })
    if (recovery._tag === "GiveUp") return yield* Effect.fail(failure)
    const recovered = yield* Effect.result(recover(dependencies, operation, failure.error, recovery))
    if (Result.isSuccess(recovered)) operation = recovered.success
    outcome = Result.isFailure(recovered)
      ? Result.fail(recovered.failure)
      : yield* Effect.result(attempt(dependencies, operation))
  }
  return outcome.success
})

const attempt = (dependencies: Dependencies, operation: Operation) =>
  operation._tag === "Search"
    ? attemptUnlocked(dependencies, operation)
    : Semaphore.withPermit(dependencies.writeLock, attemptUnlocked(dependencies, operation))

const attemptUnlocked = Effect.fnUntraced(function*(dependencies: Dependencies, operation: Operation) {
  const { state } = dependencies
  // Uninterruptible from the decision to its outcome: an interrupted write is rolled back too.
  const hits = yield* Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const result = yield* Ref.modify(state, (state) => {
      const [next, result] = Storage.executeOperation(state, operation)
      return [result, next]
    })
    if (result._tag === "Failure") return yield* Effect.fail<OperationFailure>(result)
    return yield* restore(applyCommand(dependencies.index, result.command)).pipe(
      Effect.onError(() => Ref.update(state, (state) => Storage.rollback(state, result.command))),
      Effect.catch((error) => restore(failWithRecovery(dependencies, IndexErrors.fromVectorIndexError(error))))
    )
  }))
  yield* Ref.update(state, Storage.clearError)
  return hits
})

const applyCommand = (
  index: VectorIndex["Service"],
  command: EngineCommand
): Effect.Effect<ReadonlyArray<Hit> | void, VectorIndexError> => {
  switch (command._tag) {
    case "Upsert":
      return index.upsert(command.collection, command.points)
    case "Remove":
      return index.remove(command.collection, command.ids)
    case "Query":
      return index.search(command.collection, command)
  }
}

/** Records an engine failure in the state, and fails with the recovery from it. */
const failWithRecovery = Effect.fnUntraced(
  function*({ collectionLostListeners, state }: Dependencies, error: EngineFailure | OperationRejection) {
    const canContinue = error._tag !== "InconsistencyError" ||
      (yield* Effect.forEach(collectionLostListeners, (listener) => listener(error.collection))).every((done) => done)
    if (!IndexErrors.isEngineFailure(error) || !canContinue) {
      return yield* Effect.fail<OperationFailure>({ error, recovery: { _tag: "GiveUp" } })
    }
    const recovery = yield* Ref.modify(state, (state) => {
      const [next, recovery] = StorageRecovery.handleStorageError(error, state)
      return [recovery, next]
    })
    return yield* Effect.fail<OperationFailure>({ error, recovery })
  }
)

/** Carries out a recovery; returns the operation to retry. */
const recover = Effect.fnUntraced(function*(
  dependencies: Dependencies,
  operation: Operation,
  error: OperationFailure["error"],
  recovery: Exclude<RecoveryAction, { readonly _tag: "GiveUp" }>
) {
  switch (recovery._tag) {
    case "RetryWithBackoff":
      yield* Effect.sleep(recovery.delay_ms)
      return error._tag === "EmbeddingUnavailable" ? yield* embedAgain(dependencies, operation) : operation
    case "ValidateAndRetry":
      return operation
    case "RecoverCollection":
      yield* dependencies.index.ensure(recovery.collection, recovery).pipe(
        Effect.catch((error) => failWithRecovery(dependencies, IndexErrors.fromVectorIndexError(error)))
      )
      yield* Ref.update(dependencies.state, (state) => Storage.markCollectionReady(state, recovery.collection))
      return operation
    case "RecoverPoints":
      // Under the lock: a write between the read and the cache update would be overwritten.
      yield* Semaphore.withPermit(
        dependencies.writeLock,
        refreshPoints(dependencies, recovery.collection, recovery.ids)
      )
      return operation
    case "RecoverEmbedding":
    case "UpdateAndRetry":
      return yield* embedAgain(dependencies, operation)
  }
})

/** Reads points from the engine into the cache. */
const refreshPoints = Effect.fnUntraced(
  function*(dependencies: Dependencies, collection: string, ids: ReadonlyArray<string>) {
    const points = yield* dependencies.index.get(collection, ids).pipe(
      Effect.catch((error) => failWithRecovery(dependencies, IndexErrors.fromVectorIndexError(error)))
    )
    const answers = ids.map((id) => ({ id, point: points.find((point) => point.id === id) ?? null }))
    yield* Ref.update(dependencies.state, (state) => Storage.cachePoints(state, collection, answers))
  }
)

/** A Store with new vectors of the same texts. Other operations have no text. */
const embedAgain = (dependencies: Dependencies, operation: Operation) =>
  operation._tag !== "Store"
    ? Effect.succeed(operation)
    : dependencies.embedding.embedMany(operation.points.map((point) => point.payload.content)).pipe(
      Effect.map(({ embeddings }): Operation => ({
        ...operation,
        points: operation.points.map((point, i) => ({ ...point, vector: embeddings[i]?.vector ?? [] }))
      })),
      Effect.catch((error) => failWithRecovery(dependencies, toStorageError(error)))
    )

/** STO8: a failure of the embedding model that may pass is retried; a text that it refuses has no vector. */
const toStorageError = ({ isRetryable, message, retryAfter }: AiError.AiError): EngineFailure =>
  isRetryable
    ? new EmbeddingUnavailable({
      detail: message,
      retry_after_ms: retryAfter === undefined ? null : Math.ceil(Duration.toMillis(retryAfter))
    })
    : new VectorError({ detail: message })

/** The database. At first nothing is known of the engine: the first operation creates the collection. */
export const layer: Layer.Layer<
  Database,
  never,
  VectorIndex | EmbeddingModel.EmbeddingModel | PriorsCollection
> = Layer.effect(Database, make)

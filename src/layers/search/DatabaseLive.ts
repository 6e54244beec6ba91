/**
 * Drives the pure storage step: decides inside the ref, applies to the engine
 * outside it, takes back what was decided when the engine fails, and carries
 * out the recovery.
 */
import { Effect, Layer, Ref, Semaphore } from "effect"
import { EmbeddingModel } from "effect/ai"
import * as Storage from "../../domain/search/Storage.ts"
import {
  type EngineFailure,
  type OperationRejection,
  type RecoveryAction,
  VectorError
} from "../../domain/search/StorageError.ts"
import { type EngineCommand, initial, type Operation } from "../../domain/search/StorageModel.ts"
import type { Hit } from "../../domain/search/VectorPoint.ts"
import { Database, DatabaseError, PriorsCollection } from "../../services/Database.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as IndexErrors from "./IndexErrors.ts"

/** How often an operation is tried again, and the longest it waits before one more try, in milliseconds. */
const retryPolicy = (operation: Operation) =>
  operation._tag === "Search" ? { tries: 2, wait: 500 } : { tries: 5, wait: 5000 }

interface OperationFailure {
  readonly error: EngineFailure | OperationRejection
  readonly recovery: RecoveryAction
}

const make = Effect.gen(function*() {
  const index = yield* VectorIndex
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { dimension, name } = yield* PriorsCollection
  const state = yield* Ref.make(initial([{ name, dimension }]))
  // One write at a time, so that taking one back takes nothing of another back.
  const writeLock = yield* Semaphore.make(1)
  const collectionLostListeners = new Set<(collection: string) => Effect.Effect<boolean>>()

  /** Whether a lost collection may be made anew, as far as those are concerned who fill it. */
  const notifyCollectionLost = (collection: string) =>
    Effect.map(
      Effect.forEach(collectionLostListeners, (listener) => listener(collection)),
      (all) => all.every((done) => done)
    )

  /** The state learns of the failure and says what to do. */
  const failWithRecovery = Effect.fnUntraced(function*(error: EngineFailure | OperationRejection) {
    const ready = error._tag !== "InconsistencyError" || (yield* notifyCollectionLost(error.collection))
    if (!IndexErrors.isEngineFailure(error) || !ready) {
      return yield* Effect.fail<OperationFailure>({ error, recovery: { _tag: "GiveUp" } })
    }
    const recovery = yield* Ref.modify(state, (state) => {
      const [next, recovery] = Storage.handleStorageError(error, state)
      return [recovery, next]
    })
    return yield* Effect.fail<OperationFailure>({ error, recovery })
  })

  const applyCommand = (command: EngineCommand) => {
    switch (command._tag) {
      case "Upsert":
        return Effect.as(index.upsert(command.collection, command.points), noHits)
      case "Remove":
        return Effect.as(index.remove(command.collection, command.ids), noHits)
      case "Query":
        return index.search(command.collection, command)
    }
  }

  const attempt = Effect.fnUntraced(function*(operation: Operation) {
    // Between deciding and knowing the outcome nothing may get lost, not even to an interruption.
    const hits = yield* Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
      const result = yield* Ref.modify(state, (state) => {
        const [next, result] = Storage.executeOperation(state, operation)
        return [result, next]
      })
      if (result._tag === "Failure") return yield* Effect.fail<OperationFailure>(result)
      return yield* restore(applyCommand(result.command)).pipe(
        Effect.onError(() => Ref.update(state, (state) => Storage.rollback(state, result.command))),
        Effect.catch((error) => restore(failWithRecovery(IndexErrors.fromVectorIndexError(error))))
      )
    }))
    yield* Ref.update(state, Storage.clearError)
    return hits
  })

  const reembed = (operation: Operation) =>
    operation._tag !== "Store" ? undefined : embedding.embedMany(operation.points.map((p) => p.payload.content)).pipe(
      Effect.map(({ embeddings }): Operation => ({
        ...operation,
        points: operation.points.map((point, i) => ({ ...point, vector: embeddings[i]?.vector ?? [] }))
      })),
      Effect.catch((error) => failWithRecovery(new VectorError({ detail: error.message })))
    )

  /** Asks the engine for points. No write may come between its answer and our taking it in. */
  const refreshPoints = Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    const points = yield* index.get(collection, ids).pipe(
      Effect.catch((error) => failWithRecovery(IndexErrors.fromVectorIndexError(error)))
    )
    const answers = ids.map((id) => ({ id, point: points.find((point) => point.id === id) ?? null }))
    yield* Ref.update(state, (state) => Storage.cachePoints(state, collection, answers))
  })

  /** What to try next, once the recovery is done. */
  const recover = Effect.fnUntraced(function*(operation: Operation, failure: OperationFailure, wait: number) {
    const { recovery } = failure
    switch (recovery._tag) {
      case "GiveUp":
        return yield* Effect.fail(failure)
      case "RetryWithBackoff":
        if (recovery.delay_ms > wait) return yield* Effect.fail(failure)
        yield* Effect.sleep(recovery.delay_ms)
        return operation
      case "ValidateAndRetry":
        return operation
      case "RecoverCollection":
        yield* index.ensure(recovery.collection, recovery).pipe(
          Effect.catch((error) => failWithRecovery(IndexErrors.fromVectorIndexError(error)))
        )
        yield* Ref.update(state, (state) => Storage.markCollectionReady(state, recovery.collection))
        return operation
      case "RecoverPoints":
        yield* Semaphore.withPermit(writeLock, refreshPoints(recovery.collection, recovery.ids))
        return operation
      case "RecoverEmbedding":
      case "UpdateAndRetry":
        return yield* reembed(operation) ?? Effect.fail(failure)
    }
  })

  const runWithRetries = (
    operation: Operation,
    tries: number,
    wait: number
  ): Effect.Effect<ReadonlyArray<Hit>, OperationFailure> => {
    const firstAttempt = operation._tag === "Search"
      ? attempt(operation)
      : Semaphore.withPermit(writeLock, attempt(operation))
    return Effect.catch(firstAttempt, (failure) =>
      tries === 0
        ? Effect.fail(failure)
        : recoverAndRetry(operation, failure, tries, wait))
  }

  /** A recovery may fail as the operation did; that counts as a try. */
  const recoverAndRetry = (
    operation: Operation,
    failure: OperationFailure,
    tries: number,
    wait: number
  ): Effect.Effect<ReadonlyArray<Hit>, OperationFailure> =>
    Effect.result(recover(operation, failure, wait)).pipe(
      Effect.flatMap((outcome) =>
        outcome._tag === "Success"
          ? runWithRetries(outcome.success, tries - 1, wait)
          : outcome.failure === failure || tries === 1
          ? Effect.fail(outcome.failure)
          : recoverAndRetry(operation, outcome.failure, tries - 1, wait)
      )
    )

  const execute = Effect.fn("Database.execute")((operation: Operation) => {
    const { tries, wait } = retryPolicy(operation)
    return Effect.mapError(runWithRetries(operation, tries, wait), ({ error }) => new DatabaseError({ reason: error }))
  })

  return Database.of({
    execute: execute as Database["Service"]["execute"],
    state: Ref.get(state),
    onCollectionLost: (listener) => {
      collectionLostListeners.add(listener)
      return () => void collectionLostListeners.delete(listener)
    }
  })
})

const noHits: ReadonlyArray<Hit> = []

/** Starts with nothing known of the engine: its collection is looked for at the first operation. */
export const layer: Layer.Layer<
  Database,
  never,
  VectorIndex | EmbeddingModel.EmbeddingModel | PriorsCollection
> = Layer.effect(Database, make)

/**
 * Drives the pure storage step: decides inside the ref, applies to the engine
 * outside it, takes back what was decided when the engine fails, and carries
 * out the recovery.
 */
import { Effect, Layer, Ref, Semaphore } from "effect"
import { EmbeddingModel } from "effect/ai"
import * as Storage from "../../domain/storage/Storage.ts"
import { type Fault, type Recovery, type Refusal, VectorError } from "../../domain/storage/StorageError.ts"
import { type Apply, open, type Operation } from "../../domain/storage/StorageModel.ts"
import type { Hit } from "../../domain/storage/VectorPoint.ts"
import { Database, DatabaseError, PriorsCollection } from "../../services/Database.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as Failures from "./Failures.ts"

/** How often an operation is tried again, and the longest it waits before one more try, in milliseconds. */
const patience = (operation: Operation) =>
  operation._tag === "Search" ? { tries: 2, wait: 500 } : { tries: 5, wait: 5000 }

interface Failed {
  readonly error: Fault | Refusal
  readonly recovery: Recovery
}

const make = Effect.gen(function*() {
  const index = yield* VectorIndex
  const embedding = yield* EmbeddingModel.EmbeddingModel
  const { dimension, name } = yield* PriorsCollection
  const state = yield* Ref.make(open([{ name, dimension }]))
  // One write at a time, so that taking one back takes nothing of another back.
  const writes = yield* Semaphore.make(1)
  const listeners = new Set<(collection: string) => Effect.Effect<boolean>>()

  /** Whether a lost collection may be made anew, as far as those are concerned who fill it. */
  const prepared = (collection: string) =>
    Effect.map(Effect.forEach(listeners, (listener) => listener(collection)), (all) => all.every((done) => done))

  /** The state learns of the failure and says what to do. */
  const failed = Effect.fnUntraced(function*(error: Fault | Refusal) {
    const ready = error._tag !== "InconsistencyError" || (yield* prepared(error.collection))
    if (!Failures.isFault(error) || !ready) return yield* Effect.fail<Failed>({ error, recovery: { _tag: "GiveUp" } })
    const recovery = yield* Ref.modify(state, (state) => {
      const [next, recovery] = Storage.handleStorageError(error, state)
      return [recovery, next]
    })
    return yield* Effect.fail<Failed>({ error, recovery })
  })

  const apply = (apply: Apply) => {
    switch (apply._tag) {
      case "Upsert":
        return Effect.as(index.upsert(apply.collection, apply.points), noHits)
      case "Remove":
        return Effect.as(index.remove(apply.collection, apply.ids), noHits)
      case "Query":
        return index.search(apply.collection, apply)
    }
  }

  const attempt = Effect.fnUntraced(function*(operation: Operation) {
    // Between deciding and knowing the outcome nothing may get lost, not even to an interruption.
    const hits = yield* Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
      const result = yield* Ref.modify(state, (state) => {
        const [next, result] = Storage.executeOperation(state, operation)
        return [result, next]
      })
      if (result._tag === "Failure") return yield* Effect.fail<Failed>(result)
      return yield* restore(apply(result.apply)).pipe(
        Effect.onError(() => Ref.update(state, (state) => Storage.rollBack(state, result.apply))),
        Effect.catch((error) => restore(failed(Failures.fromIndex(error))))
      )
    }))
    yield* Ref.update(state, Storage.healthy)
    return hits
  })

  const embedAgain = (operation: Operation) =>
    operation._tag !== "Store" ? undefined : embedding.embedMany(operation.points.map((p) => p.payload.content)).pipe(
      Effect.map(({ embeddings }): Operation => ({
        ...operation,
        points: operation.points.map((point, i) => ({ ...point, vector: embeddings[i]?.vector ?? [] }))
      })),
      Effect.catch((error) => failed(new VectorError({ detail: error.message })))
    )

  /** Asks the engine for points. No write may come between its answer and our taking it in. */
  const learn = Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    const points = yield* index.get(collection, ids).pipe(Effect.catch((error) => failed(Failures.fromIndex(error))))
    const answers = ids.map((id) => ({ id, point: points.find((point) => point.id === id) ?? null }))
    yield* Ref.update(state, (state) => Storage.remember(state, collection, answers))
  })

  /** What to try next, once the recovery is done. */
  const recover = Effect.fnUntraced(function*(operation: Operation, failure: Failed, wait: number) {
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
          Effect.catch((error) => failed(Failures.fromIndex(error)))
        )
        yield* Ref.update(state, (state) => Storage.collectionReady(state, recovery.collection))
        return operation
      case "RecoverPoints":
        yield* Semaphore.withPermit(writes, learn(recovery.collection, recovery.ids))
        return operation
      case "RecoverEmbedding":
      case "UpdateAndRetry":
        return yield* embedAgain(operation) ?? Effect.fail(failure)
    }
  })

  const run = (
    operation: Operation,
    tries: number,
    wait: number
  ): Effect.Effect<ReadonlyArray<Hit>, Failed> => {
    const once = operation._tag === "Search" ? attempt(operation) : Semaphore.withPermit(writes, attempt(operation))
    return Effect.catch(once, (failure) =>
      tries === 0
        ? Effect.fail(failure)
        : recoverUntil(operation, failure, tries, wait))
  }

  /** A recovery may fail as the operation did; that counts as a try. */
  const recoverUntil = (
    operation: Operation,
    failure: Failed,
    tries: number,
    wait: number
  ): Effect.Effect<ReadonlyArray<Hit>, Failed> =>
    Effect.result(recover(operation, failure, wait)).pipe(
      Effect.flatMap((outcome) =>
        outcome._tag === "Success"
          ? run(outcome.success, tries - 1, wait)
          : outcome.failure === failure || tries === 1
          ? Effect.fail(outcome.failure)
          : recoverUntil(operation, outcome.failure, tries - 1, wait)
      )
    )

  const execute = Effect.fn("Database.execute")((operation: Operation) => {
    const { tries, wait } = patience(operation)
    return Effect.mapError(run(operation, tries, wait), ({ error }) => new DatabaseError({ reason: error }))
  })

  return Database.of({
    execute: execute as Database["Service"]["execute"],
    state: Ref.get(state),
    onLost: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
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

/**
 * The database's pure half: operations are checked, and turned into what the
 * engine is to do, here; the engine is somebody else's (STO1, STO2). What the
 * state mirrors of the engine is said in `StorageModel`.
 */
import * as Backoff from "../protocol/Backoff.ts"
import * as StorageError from "./StorageError.ts"
import {
  batchLimit,
  cacheLimit,
  type Collection,
  type EngineCommand,
  type Operation,
  type OperationResult,
  resultLimit,
  type StorageState
} from "./StorageModel.ts"
import * as Vector from "./Vector.ts"
import type { Point } from "./VectorPoint.ts"

/** The engine was seen to hold the collection. */
export const markCollectionReady = (state: StorageState, name: string): StorageState => setReady(state, name, true)

const setReady = (state: StorageState, name: string, ready: boolean): StorageState => {
  const collection = state.collections.get(name)
  return collection === undefined || collection.ready === ready
    ? state
    : { ...state, collections: new Map(state.collections).set(name, { ...collection, ready }) }
}

/** Takes in what the engine answered to `RecoverPoints`: `null` for what it does not hold. */
export const cachePoints = (
  state: StorageState,
  collection: string,
  points: ReadonlyArray<{ readonly id: string; readonly point: Point | null }>
): StorageState => {
  const cache = new Map(state.cache)
  for (const { id, point } of points) {
    cache.delete(id)
    cache.set(id, { collection, point })
  }
  for (const id of cache.keys()) {
    if (cache.size <= cacheLimit) break
    cache.delete(id)
  }
  return { ...state, cache }
}

/**
 * The engine did not carry out `apply`, or nobody knows whether it did: what
 * the state held of those points is unknown again, and will be asked for.
 */
export const rollback = (state: StorageState, command: EngineCommand): StorageState => {
  if (command._tag === "Query") return state
  const touched = new Set(command._tag === "Remove" ? command.ids : command.points.map((point) => point.id))
  return { ...state, cache: new Map(Array.from(state.cache).filter(([id]) => !touched.has(id))) }
}

/** Something worked: the failures are over. */
export const clearError = (state: StorageState): StorageState =>
  state.error_state === null ? state : { ...state, error_state: null }

/** Checks one operation: the state as it is once `apply` has worked, and what to apply. A refusal changes nothing. */
export const executeOperation = (
  state: StorageState,
  operation: Operation
): readonly [state: StorageState, result: OperationResult] => {
  const collection = state.collections.get(operation.collection)
  if (collection === undefined) return rejectUnknownCollection(state, operation.collection)
  if (!collection.ready) return rejectNotReady(state, collection)
  switch (operation._tag) {
    case "Store":
      return store(state, collection, operation.points)
    case "Search":
      return search(state, collection, operation)
    case "Update":
      return update(state, collection, operation)
    case "Delete":
      return remove(state, collection, operation.ids)
  }
}

type StorageTransition = readonly [state: StorageState, result: OperationResult]
type OperationOf<T extends Operation["_tag"]> = Extract<Operation, { readonly _tag: T }>

const giveUp: StorageError.RecoveryAction = { _tag: "GiveUp" }

const reject = (
  state: StorageState,
  error: StorageError.OperationRejection,
  recovery: StorageError.RecoveryAction = giveUp
): StorageTransition => [
  state,
  { _tag: "Failure", error, recovery }
]

const accept = (state: StorageState, command: EngineCommand): StorageTransition => [state, { _tag: "Success", command }]

const rejectUnknownCollection = (state: StorageState, collection: string): StorageTransition =>
  reject(state, new StorageError.InvalidCollection({ collection, fault: "unknown" }))

const rejectNotReady = (state: StorageState, { dimension, name }: Collection): StorageTransition =>
  reject(
    state,
    new StorageError.InvalidCollection({ collection: name, fault: "not_ready" }),
    { _tag: "RecoverCollection", collection: name, dimension }
  )

const rejectInvalid = (state: StorageState, fault: string): StorageTransition =>
  reject(state, new StorageError.InvalidOperation({ fault }))

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const store = (
  state: StorageState,
  { dimension, name }: Collection,
  points: ReadonlyArray<Point>
): StorageTransition => {
  if (points.length === 0 || points.length > batchLimit) {
    return rejectInvalid(state, `one Store takes 1 to ${batchLimit} points`)
  }
  if (new Set(points.map((point) => point.id)).size < points.length) {
    return rejectInvalid(state, "a point stands there twice")
  }
  for (const { id, vector } of points) {
    if (!uuidPattern.test(id)) return rejectInvalid(state, `${id} is not a UUID`)
    const fault = Vector.findFault(vector, dimension)
    if (fault !== undefined) {
      return reject(state, new StorageError.InvalidVector({ id, fault }), { _tag: "RecoverEmbedding" })
    }
  }
  const normalised = points.map((point) => ({ ...point, vector: Vector.normalise(point.vector) }))
  return accept(cachePoints(state, name, selectNewer(state, name, normalised)), {
    _tag: "Upsert",
    collection: name,
    points: normalised
  })
}

/** Of points to be stored, what is newer than what is cached of them: the engine keeps the newer one too. */
const selectNewer = (state: StorageState, collection: string, points: ReadonlyArray<Point>) =>
  points.flatMap((point) => {
    const cached = cachedPoint(state, collection, point.id)
    // A point nobody here has seen may be stored at a later version already: it stays unknown.
    return cached === undefined || (cached !== null && cached.payload.version >= point.payload.version)
      ? []
      : [{ id: point.id, point }]
  })

/** The cached point; `null` if it is known not to exist, undefined if nothing is known of it. */
const cachedPoint = (state: StorageState, collection: string, id: string): Point | null | undefined => {
  const entry = state.cache.get(id)
  return entry?.collection === collection ? entry.point : undefined
}

const search = (state: StorageState, collection: Collection, operation: OperationOf<"Search">): StorageTransition => {
  const fault = Vector.findFault(operation.vector, collection.dimension)
  if (fault !== undefined) {
    return reject(state, new StorageError.InvalidVector({ id: null, fault }))
  }
  if (!Number.isInteger(operation.limit) || operation.limit < 1 || operation.limit > resultLimit) {
    return rejectInvalid(state, `a search returns 1 to ${resultLimit} results`)
  }
  const indexedFields = state.indices.get(collection.name) ?? []
  const field = Object.keys(operation.filter).find((key) => !indexedFields.some((name) => name === key))
  if (field !== undefined) return rejectInvalid(state, `there is no index on ${field}`)
  return accept(state, {
    _tag: "Query",
    collection: collection.name,
    vector: Vector.normalise(operation.vector),
    limit: operation.limit,
    filter: operation.filter
  })
}

const update = (state: StorageState, { name }: Collection, operation: OperationOf<"Update">): StorageTransition => {
  const { id, payload } = operation
  if (!uuidPattern.test(id)) return rejectInvalid(state, `${id} is not a UUID`)
  if (!Number.isSafeInteger(payload.version) || payload.version < 0) {
    return rejectInvalid(state, "a version is a natural number")
  }
  const point = cachedPoint(state, name, id)
  if (point === undefined) {
    return reject(state, new StorageError.NotFound({ id }), { _tag: "RecoverPoints", collection: name, ids: [id] })
  }
  if (point === null) return reject(state, new StorageError.NotFound({ id }))
  const stored = point.payload.version
  if (payload.version <= stored) {
    return reject(state, new StorageError.VersionConflict({ id, stored, given: payload.version }))
  }
  const next: Point = { ...point, payload: { ...point.payload, ...payload } }
  return accept(cachePoints(state, name, [{ id, point: next }]), { _tag: "Upsert", collection: name, points: [next] })
}

const remove = (state: StorageState, { name }: Collection, ids: ReadonlyArray<string>): StorageTransition => {
  const invalidId = ids.find((id) => !uuidPattern.test(id))
  if (invalidId !== undefined) return rejectInvalid(state, `${invalidId} is not a UUID`)
  const evicted = cachePoints(state, name, ids.map((id) => ({ id, point: null })))
  return accept(evicted, { _tag: "Remove", collection: name, ids })
}

const retryBackoff: Backoff.BackoffPolicy = { base: 200, cap: 30_000 }
/** The longest wait that an engine's Retry-After can ask for, in milliseconds. */
const maxRetryAfter = 120_000

/** Milliseconds before the next attempt after `failures` failed ones in a row; at least what the engine asked for. */
export const backoffDelay = (failures: number, retryAfter: number | null): number =>
  Math.max(Backoff.delay(retryBackoff, failures - 1), Math.min(retryAfter ?? 0, maxRetryAfter))

/** What a failure of the world makes of the state, and what to do about it (STO6). */
export const handleStorageError = (
  error: StorageError.EngineFailure,
  state: StorageState
): readonly [state: StorageState, recovery: StorageError.RecoveryAction] => {
  const failures = (state.error_state?.failures ?? 0) + 1
  const failed: StorageState = { ...state, error_state: { error, failures } }
  switch (error._tag) {
    case "ConnectionError": // The state is kept: what it knows of the engine still holds when it is back.
      return [failed, { _tag: "RetryWithBackoff", delay_ms: backoffDelay(failures, error.retry_after_ms) }]
    case "InconsistencyError": // Nothing that was known of the collection holds any more.
      return [setReady(evictCollection(failed, error.collection), error.collection, false), {
        _tag: "ValidateAndRetry"
      }]
    case "VectorError":
      return [failed, { _tag: "UpdateAndRetry" }]
  }
}

const evictCollection = (state: StorageState, collection: string): StorageState => ({
  ...state,
  cache: new Map(Array.from(state.cache).filter(([, entry]) => entry.collection !== collection))
})

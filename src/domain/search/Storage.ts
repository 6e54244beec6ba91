/**
 * Decides storage operations: validates them and derives the engine command (STO1, STO2). Pure: `StorageModel` defines
 * the state, `StorageRecovery` what a failure leads to, and `layers/search/DatabaseLive` drives both.
 */
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

/** Records that the engine holds the collection. */
export const markCollectionReady = (state: StorageState, name: string): StorageState => setReady(state, name, true)

const setReady = (state: StorageState, name: string, ready: boolean): StorageState => {
  const collection = state.collections.get(name)
  return collection === undefined || collection.ready === ready
    ? state
    : { ...state, collections: new Map(state.collections).set(name, { ...collection, ready }) }
}

/** Caches points that the engine returned, `null` for a missing one; evicts the least recently used. */
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
 * The state after a command failed or timed out: whether the engine applied it is unknown, so its points leave the cache
 * and are fetched again by `RecoverPoints`.
 */
export const rollback = (state: StorageState, command: EngineCommand): StorageState => {
  if (command._tag === "Query") return state
  const touched = new Set(command._tag === "Remove" ? command.ids : command.points.map((point) => point.id))
  return { ...state, cache: new Map(Array.from(state.cache).filter(([id]) => !touched.has(id))) }
}

/** Resets the failure count after a success. */
export const clearError = (state: StorageState): StorageState =>
  state.error_state === null ? state : { ...state, error_state: null }

/**
 * Decides an operation (STO1): the state after the command succeeds, and the command for the engine. A rejected
 * operation changes nothing.
 */
export const executeOperation = (
  state: StorageState,
  operation: Operation
): readonly [state: StorageState, result: OperationResult] => {
  const collection = state.collections.get(operation.collection)
  if (collection === undefined) return rejectUnknownCollection(state, operation.collection)
  if (!collection.ready) return rejectNotReady(state, collection)
  switch (operation._tag) {
    case "Store":
      return store(state, collection, operation)
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

/** STO2: every point is valid before anything is written. Its vector is normalised here, once per write. */
const store = (
  state: StorageState,
  { dimension, name }: Collection,
  { onInvalidVector, points }: OperationOf<"Store">
): StorageTransition => {
  if (points.length === 0 || points.length > batchLimit) {
    return rejectInvalid(state, `one Store takes 1 to ${batchLimit} points`)
  }
  if (new Set(points.map((point) => point.id)).size < points.length) {
    return rejectInvalid(state, "duplicate point id")
  }
  for (const { id, vector } of points) {
    if (!uuidPattern.test(id)) return rejectInvalid(state, `${id} is not a UUID`)
    const fault = Vector.findFault(vector, dimension)
    if (fault !== undefined) {
      const recovery = onInvalidVector === "embed" ? { _tag: "RecoverEmbedding" } as const : giveUp
      return reject(state, new StorageError.InvalidVector({ id, fault }), recovery)
    }
  }
  const normalised = points.map((point) => ({ ...point, vector: Vector.normalise(point.vector) }))
  return accept(cachePoints(state, name, selectNewer(state, name, normalised)), {
    _tag: "Upsert",
    collection: name,
    points: normalised
  })
}

/** The points that replace their cached version. The engine keeps the newest version as well. */
const selectNewer = (state: StorageState, collection: string, points: ReadonlyArray<Point>) =>
  points.flatMap((point) => {
    const cached = cachedPoint(state, collection, point.id)
    // The engine may hold a newer version of a point that is not cached: it stays unknown.
    return cached === undefined || (cached !== null && cached.payload.version >= point.payload.version)
      ? []
      : [{ id: point.id, point }]
  })

/** The cached point; null if it is known not to exist, undefined if it is not cached. */
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
  if (field !== undefined) return rejectInvalid(state, `no index on ${field}`)
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

/** The state after the engine lost a collection: the cached facts about it are dropped. */
export const evictCollection = (state: StorageState, collection: string): StorageState =>
  setReady(
    { ...state, cache: new Map(Array.from(state.cache).filter(([, entry]) => entry.collection !== collection)) },
    collection,
    false
  )

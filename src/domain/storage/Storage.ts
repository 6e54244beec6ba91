/**
 * The database's pure half: operations are checked, and turned into what the
 * engine is to do, here; the engine is somebody else's (STO1, STO2). What the
 * state mirrors of the engine is said in `StorageModel`.
 */
import * as StorageError from "./StorageError.ts"
import {
  type Apply,
  batchLimit,
  cacheLimit,
  type Collection,
  type Operation,
  type Result,
  resultLimit,
  type StorageState
} from "./StorageModel.ts"
import * as Vector from "./Vector.ts"
import type { Point } from "./VectorPoint.ts"

/** The engine was seen to hold the collection. */
export const collectionReady = (state: StorageState, name: string): StorageState => withReady(state, name, true)

const withReady = (state: StorageState, name: string, ready: boolean): StorageState => {
  const collection = state.collections.get(name)
  return collection === undefined || collection.ready === ready
    ? state
    : { ...state, collections: new Map(state.collections).set(name, { ...collection, ready }) }
}

/** Takes in what the engine answered to `RecoverPoints`: `null` for what it does not hold. */
export const remember = (
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
export const rollBack = (state: StorageState, apply: Apply): StorageState => {
  if (apply._tag === "Query") return state
  const touched = new Set(apply._tag === "Remove" ? apply.ids : apply.points.map((point) => point.id))
  return { ...state, cache: new Map(Array.from(state.cache).filter(([id]) => !touched.has(id))) }
}

/** Something worked: the failures are over. */
export const healthy = (state: StorageState): StorageState =>
  state.error_state === null ? state : { ...state, error_state: null }

/** Checks one operation: the state as it is once `apply` has worked, and what to apply. A refusal changes nothing. */
export const executeOperation = (
  state: StorageState,
  operation: Operation
): readonly [state: StorageState, result: Result] => {
  const collection = state.collections.get(operation.collection)
  if (collection === undefined) return unknownCollection(state, operation.collection)
  if (!collection.ready) return notReady(state, collection)
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

type Step = readonly [state: StorageState, result: Result]
type OperationOf<T extends Operation["_tag"]> = Extract<Operation, { readonly _tag: T }>

const giveUp: StorageError.Recovery = { _tag: "GiveUp" }

const refuse = (state: StorageState, error: StorageError.Refusal, recovery: StorageError.Recovery = giveUp): Step => [
  state,
  { _tag: "Failure", error, recovery }
]

const done = (state: StorageState, apply: Apply): Step => [state, { _tag: "Success", apply }]

const unknownCollection = (state: StorageState, collection: string): Step =>
  refuse(state, new StorageError.InvalidCollection({ collection, fault: "unknown" }))

const notReady = (state: StorageState, { dimension, name }: Collection): Step =>
  refuse(
    state,
    new StorageError.InvalidCollection({ collection: name, fault: "not_ready" }),
    { _tag: "RecoverCollection", collection: name, dimension }
  )

const invalid = (state: StorageState, fault: string): Step =>
  refuse(state, new StorageError.InvalidOperation({ fault }))

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const store = (state: StorageState, { dimension, name }: Collection, points: ReadonlyArray<Point>): Step => {
  if (points.length === 0 || points.length > batchLimit) {
    return invalid(state, `one Store takes 1 to ${batchLimit} points`)
  }
  if (new Set(points.map((point) => point.id)).size < points.length) return invalid(state, "a point stands there twice")
  for (const { id, vector } of points) {
    if (!uuid.test(id)) return invalid(state, `${id} is not a UUID`)
    const fault = Vector.fault(vector, dimension)
    if (fault !== undefined) {
      return refuse(state, new StorageError.InvalidVector({ id, fault }), { _tag: "RecoverEmbedding" })
    }
  }
  const normalised = points.map((point) => ({ ...point, vector: Vector.normalise(point.vector) }))
  return done(remember(state, name, newer(state, name, normalised)), {
    _tag: "Upsert",
    collection: name,
    points: normalised
  })
}

/** Of points to be stored, what is newer than what is cached of them: the engine keeps the newer one too. */
const newer = (state: StorageState, collection: string, points: ReadonlyArray<Point>) =>
  points.flatMap((point) => {
    const cached = known(state, collection, point.id)
    // A point nobody here has seen may be stored at a later version already: it stays unknown.
    return cached === undefined || (cached !== null && cached.payload.version >= point.payload.version)
      ? []
      : [{ id: point.id, point }]
  })

/** The cached point; `null` if it is known not to exist, undefined if nothing is known of it. */
const known = (state: StorageState, collection: string, id: string): Point | null | undefined => {
  const entry = state.cache.get(id)
  return entry?.collection === collection ? entry.point : undefined
}

const search = (state: StorageState, collection: Collection, operation: OperationOf<"Search">): Step => {
  const fault = Vector.fault(operation.vector, collection.dimension)
  if (fault !== undefined) {
    return refuse(state, new StorageError.InvalidVector({ id: null, fault }))
  }
  if (!Number.isInteger(operation.limit) || operation.limit < 1 || operation.limit > resultLimit) {
    return invalid(state, `a search returns 1 to ${resultLimit} results`)
  }
  const indexed = state.indices.get(collection.name) ?? []
  const field = Object.keys(operation.filter).find((key) => !indexed.some((name) => name === key))
  if (field !== undefined) return invalid(state, `there is no index on ${field}`)
  return done(state, {
    _tag: "Query",
    collection: collection.name,
    vector: Vector.normalise(operation.vector),
    limit: operation.limit,
    filter: operation.filter
  })
}

const update = (state: StorageState, { name }: Collection, operation: OperationOf<"Update">): Step => {
  const { id, payload } = operation
  if (!uuid.test(id)) return invalid(state, `${id} is not a UUID`)
  if (!Number.isSafeInteger(payload.version) || payload.version < 0) {
    return invalid(state, "a version is a natural number")
  }
  const point = known(state, name, id)
  if (point === undefined) {
    return refuse(state, new StorageError.NotFound({ id }), { _tag: "RecoverPoints", collection: name, ids: [id] })
  }
  if (point === null) return refuse(state, new StorageError.NotFound({ id }))
  const stored = point.payload.version
  if (payload.version <= stored) {
    return refuse(state, new StorageError.VersionConflict({ id, stored, given: payload.version }))
  }
  const next: Point = { ...point, payload: { ...point.payload, ...payload } }
  return done(remember(state, name, [{ id, point: next }]), { _tag: "Upsert", collection: name, points: [next] })
}

const remove = (state: StorageState, { name }: Collection, ids: ReadonlyArray<string>): Step => {
  const wrong = ids.find((id) => !uuid.test(id))
  if (wrong !== undefined) return invalid(state, `${wrong} is not a UUID`)
  const gone = remember(state, name, ids.map((id) => ({ id, point: null })))
  return done(gone, { _tag: "Remove", collection: name, ids })
}

/** Wait before try n+1 after n failures in a row: 200 ms doubling up to 30 s, never less than the engine asked for. */
export const backoff = (failures: number, retryAfter: number | null): number =>
  Math.max(Math.min(200 * 2 ** (failures - 1), 30_000), Math.min(retryAfter ?? 0, 120_000))

/** What a failure of the world makes of the state, and what to do about it (STO6). */
export const handleStorageError = (
  error: StorageError.Fault,
  state: StorageState
): readonly [state: StorageState, recovery: StorageError.Recovery] => {
  const failures = (state.error_state?.failures ?? 0) + 1
  const failed: StorageState = { ...state, error_state: { error, failures } }
  switch (error._tag) {
    case "ConnectionError": // The state is kept: what it knows of the engine still holds when it is back.
      return [failed, { _tag: "RetryWithBackoff", delay_ms: backoff(failures, error.retry_after_ms) }]
    case "InconsistencyError": // Nothing that was known of the collection holds any more.
      return [withReady(forget(failed, error.collection), error.collection, false), { _tag: "ValidateAndRetry" }]
    case "VectorError":
      return [failed, { _tag: "UpdateAndRetry" }]
  }
}

const forget = (state: StorageState, collection: string): StorageState => ({
  ...state,
  cache: new Map(Array.from(state.cache).filter(([, entry]) => entry.collection !== collection))
})

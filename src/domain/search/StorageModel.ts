/**
 * What storage knows, what may be asked of it, and what it answers, as data
 * (STO1). `Storage` decides over it.
 *
 * How far the state mirrors the engine: it knows which collections there are,
 * and the points it handled last (`cacheLimit`, least recently used out
 * first). Vectors and counts are the engine's. A point it does not know is
 * asked for by recovery (`RecoverPoints`), not guessed about.
 */
import type * as StorageError from "./StorageError.ts"
import type { Vector } from "./Vector.ts"
import type { Filter, Payload, Point } from "./VectorPoint.ts"

/** A declared collection. `ready`: the engine was seen to hold it, with this dimension. */
export interface Collection {
  readonly name: string
  readonly dimension: number
  readonly ready: boolean
}

/** Which payload fields the engine filters by; an operation may use no others. */
export type IndexedFields = ReadonlyArray<keyof Filter>

/** A point as last handled; `null`: known not to exist. */
export interface CacheEntry {
  readonly collection: string
  readonly point: Point | null
}

export interface StorageState {
  readonly collections: ReadonlyMap<string, Collection>
  readonly indices: ReadonlyMap<string, IndexedFields>
  /** By point id, least recently used first. */
  readonly cache: ReadonlyMap<string, CacheEntry>
  /** The last failure of the world and how many there were in a row; null once something worked. */
  readonly error_state: { readonly error: StorageError.EngineFailure; readonly failures: number } | null
}

export type Operation =
  /** Whole points; an older version never overwrites. Vectors need not be normalised. */
  | { readonly _tag: "Store"; readonly collection: string; readonly points: ReadonlyArray<Point> }
  | {
    readonly _tag: "Search"
    readonly collection: string
    readonly vector: Vector
    readonly limit: number
    readonly filter: Filter
  }
  /** Changes the payload of a point; the version must be newer than the stored one. */
  | {
    readonly _tag: "Update"
    readonly collection: string
    readonly id: string
    readonly payload: Partial<Omit<Payload, "version">> & { readonly version: number }
  }
  /** Deleting what is not there is no error. */
  | { readonly _tag: "Delete"; readonly collection: string; readonly ids: ReadonlyArray<string> }

/** What the engine has to do. */
export type EngineCommand =
  | { readonly _tag: "Upsert"; readonly collection: string; readonly points: ReadonlyArray<Point> }
  | { readonly _tag: "Remove"; readonly collection: string; readonly ids: ReadonlyArray<string> }
  | {
    readonly _tag: "Query"
    readonly collection: string
    readonly vector: Vector
    readonly limit: number
    readonly filter: Filter
  }

export type OperationResult =
  | { readonly _tag: "Success"; readonly command: EngineCommand }
  | {
    readonly _tag: "Failure"
    readonly error: StorageError.OperationRejection
    readonly recovery: StorageError.RecoveryAction
  }

/** Points kept in the state. */
export const cacheLimit = 256
/** Points in one operation, and results of one search. */
export const batchLimit = 256
export const resultLimit = 1000

/** The fields of every collection of ours. */
const defaultIndexedFields: IndexedFields = ["readable", "threads", "visibility", "author"]

/** A state that knows these collections, none of them seen yet. */
export const initial = (
  collections: ReadonlyArray<{ readonly name: string; readonly dimension: number }>
): StorageState => ({
  collections: new Map(collections.map(({ dimension, name }) => [name, { name, dimension, ready: false }])),
  indices: new Map(collections.map(({ name }) => [name, defaultIndexedFields])),
  cache: new Map(),
  error_state: null
})

/**
 * State, operations and results of storage as data (STO1). `Storage` decides over them.
 *
 * The state is a cache of the engine: which collections it holds, and an LRU of `cacheLimit` points. A point that is not
 * cached is unknown; recovery fetches it (`RecoverPoints`).
 *
 * ```text
 *  a collection:   not_ready --RecoverCollection--> ready --InconsistencyError--> not_ready
 *
 *  an operation:   executeOperation --Success--> command --engine succeeds--> done (clearError)
 *                        ^  |Failure                |engine fails
 *                        |  v                       v
 *                        |  recovery <------- handleStorageError (rollback)
 *                        |     |  \
 *                        +-----+   `--GiveUp, or budget used up--> DatabaseError
 * ```
 */
import type * as StorageError from "./StorageError.ts"
import type { Vector } from "./Vector.ts"
import type { Payload, Point } from "./VectorPoint.ts"
import type { Filter } from "./VectorQuery.ts"

/** A declared collection. `ready`: the engine is known to hold it, with this dimension. */
export interface Collection {
  readonly name: string
  readonly dimension: number
  readonly ready: boolean
}

/** The filters that the engine has an index for; a search may use no others. */
export type IndexedFields = ReadonlyArray<keyof Filter>

/** A point as last read or written; null if it is known not to exist. */
export interface CacheEntry {
  readonly collection: string
  readonly point: Point | null
}

/** The cached facts about the engine. */
export interface StorageState {
  readonly collections: ReadonlyMap<string, Collection>
  readonly indices: ReadonlyMap<string, IndexedFields>
  /** By point id, least recently used first. */
  readonly cache: ReadonlyMap<string, CacheEntry>
  /** The last engine failure, and the number of failures in a row; null after a success. */
  readonly error_state: { readonly error: StorageError.EngineFailure; readonly failures: number } | null
}

/** An operation on one collection. */
export type Operation =
  /**
   * Writes whole points; a version that is not newer than the stored one is ignored. Vectors may have any length other
   * than 0. A vector that is invalid, or that the engine rejects, fails the operation, unless the caller says that all
   * vectors are embeddings of the points' contents, which may be computed again (STO6).
   */
  | {
    readonly _tag: "Store"
    readonly collection: string
    readonly points: ReadonlyArray<Point>
    readonly onInvalidVector?: "fail" | "embed"
  }
  | {
    readonly _tag: "Search"
    readonly collection: string
    readonly vector: Vector
    readonly limit: number
    readonly filter: Filter
  }
  /** Changes fields of a point's payload; the version must be newer than the stored one. */
  | {
    readonly _tag: "Update"
    readonly collection: string
    readonly id: string
    readonly payload: Partial<Omit<Payload, "version">> & { readonly version: number }
  }
  /** Deletes points; ids that do not exist are ignored. */
  | { readonly _tag: "Delete"; readonly collection: string; readonly ids: ReadonlyArray<string> }

/** An operation as the engine executes it; vectors are normalised. */
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

/** The decision on an operation. */
export type OperationResult =
  | { readonly _tag: "Success"; readonly command: EngineCommand }
  | {
    readonly _tag: "Failure"
    readonly error: StorageError.OperationRejection
    readonly recovery: StorageError.RecoveryAction
  }

/** The largest number of cached points. */
export const cacheLimit = 256
/** The largest number of points in one Store. */
export const batchLimit = 256
/** The largest number of results of one search. */
export const resultLimit = 1000

/** The indexes of every collection. */
const defaultIndexedFields: IndexedFields = ["readable", "threads", "visibility", "author"]

/** The state at the start: the collections are declared, and nothing is known of the engine. */
export const initial = (
  collections: ReadonlyArray<{ readonly name: string; readonly dimension: number }>
): StorageState => ({
  collections: new Map(collections.map(({ dimension, name }) => [name, { name, dimension, ready: false }])),
  indices: new Map(collections.map(({ name }) => [name, defaultIndexedFields])),
  cache: new Map(),
  error_state: null
})

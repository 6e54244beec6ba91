/** The messages between the embedded engine and its worker thread. */
import type { Filter } from "../../domain/search/VectorQuery.ts"
import type { Row, ScoredId } from "./FlatIndex.ts"

/** Rows with their vectors one after another, `dimension` numbers each. */
export interface RowBatch {
  readonly rows: ReadonlyArray<Row>
  readonly vectors: Float32Array
}

/** The requests to the worker, executed in order. */
export type WorkerRequest =
  | { readonly _tag: "Open"; readonly collection: string; readonly dimension: number }
  | { readonly _tag: "Upsert"; readonly collection: string; readonly batch: RowBatch }
  | { readonly _tag: "Remove"; readonly collection: string; readonly ids: ReadonlyArray<string> }
  | {
    readonly _tag: "Search"
    readonly collection: string
    readonly vector: Float32Array
    readonly limit: number
    readonly filter: Filter
  }

/** A request with the id that its reply carries. */
export interface RequestEnvelope {
  readonly id: number
  readonly request: WorkerRequest
}

/** The reply to a request; `hits` is empty for all but a search. */
export interface WorkerReply {
  readonly id: number
  readonly hits: ReadonlyArray<ScoredId>
}

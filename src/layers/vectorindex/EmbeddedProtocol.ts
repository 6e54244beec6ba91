/** What the embedded engine and its worker thread say to each other. */
import type { Row, RowFilter, ScoredId } from "./FlatIndex.ts"

/** Rows with their vectors one after another, `dimension` numbers each. */
export interface RowBatch {
  readonly rows: ReadonlyArray<Row>
  readonly vectors: Float32Array
}

export type WorkerRequest =
  | { readonly _tag: "Open"; readonly collection: string; readonly dimension: number }
  | { readonly _tag: "Upsert"; readonly collection: string; readonly batch: RowBatch }
  | { readonly _tag: "Remove"; readonly collection: string; readonly ids: ReadonlyArray<string> }
  | {
    readonly _tag: "Search"
    readonly collection: string
    readonly vector: Float32Array
    readonly limit: number
    readonly filter: RowFilter
  }

export interface RequestEnvelope {
  readonly id: number
  readonly request: WorkerRequest
}

/** `found` is empty for everything but a search. */
export interface WorkerReply {
  readonly id: number
  readonly hits: ReadonlyArray<ScoredId>
}

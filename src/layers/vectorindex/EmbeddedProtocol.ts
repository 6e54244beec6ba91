/** What the embedded engine and its worker thread say to each other. */
import type { Filter, Found, Row } from "./FlatIndex.ts"

/** Rows with their vectors one after another, `dimension` numbers each. */
export interface Batch {
  readonly rows: ReadonlyArray<Row>
  readonly vectors: Float32Array
}

export type Request =
  | { readonly _tag: "Open"; readonly collection: string; readonly dimension: number }
  | { readonly _tag: "Upsert"; readonly collection: string; readonly batch: Batch }
  | { readonly _tag: "Remove"; readonly collection: string; readonly ids: ReadonlyArray<string> }
  | {
    readonly _tag: "Search"
    readonly collection: string
    readonly vector: Float32Array
    readonly limit: number
    readonly filter: Filter
  }

export interface Envelope {
  readonly id: number
  readonly request: Request
}

/** `found` is empty for everything but a search. */
export interface Reply {
  readonly id: number
  readonly found: ReadonlyArray<Found>
}

/**
 * Which points a search considers, and the order of its results: the definition that every engine of the vector index
 * follows (STO3, SEC10).
 *
 * An engine translates `toClauses` into its own query language, or calls `matchesFilter`. No imports at run time: the
 * worker thread of the embedded engine loads this file.
 */
import type { Author, TopicId } from "../protocol/Ids.ts"
import type { Hit, Payload } from "./VectorPoint.ts"

/** Conditions on a point's payload; all that are given must hold, and an empty list matches nothing. */
export interface Filter {
  /** Public text, and all text of these threads (THR10). */
  readonly readable?: ReadonlyArray<TopicId>
  readonly threads?: ReadonlyArray<TopicId>
  readonly visibility?: Payload["visibility"]
  readonly author?: Author
}

/** The payload fields that filters are made of. Each engine keeps an index on them. */
export type FilterFields = Pick<Payload, "thread" | "author" | "visibility">

/** Holds for a payload whose `field` has one of `values`. */
export interface Term {
  readonly field: keyof FilterFields
  readonly values: ReadonlyArray<string>
}

/** A filter in conjunctive normal form: a payload matches if in every clause at least one term holds for it. */
export const toClauses = (filter: Filter): ReadonlyArray<ReadonlyArray<Term>> => {
  const clauses: Array<ReadonlyArray<Term>> = []
  if (filter.readable !== undefined) {
    clauses.push([{ field: "visibility", values: ["public"] }, { field: "thread", values: filter.readable }])
  }
  if (filter.threads !== undefined) clauses.push([{ field: "thread", values: filter.threads }])
  if (filter.visibility !== undefined) clauses.push([{ field: "visibility", values: [filter.visibility] }])
  if (filter.author !== undefined) clauses.push([{ field: "author", values: [filter.author] }])
  return clauses
}

/** STO3: whether a point with this payload is among those that the filter admits. */
export const matchesFilter = (filter: Filter, payload: FilterFields): boolean =>
  toClauses(filter).every((terms) => terms.some(({ field, values }) => values.includes(payload[field])))

/** SEC10: the filter of every search: only public text, and text of `threads`, passes. */
export const readableBy = (threads: ReadonlyArray<TopicId>): Filter => ({ readable: threads })

/** STO3: the order of results: by score, the best first, then by id. */
export const compareHits = (a: Pick<Hit, "id" | "score">, b: Pick<Hit, "id" | "score">): number =>
  b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

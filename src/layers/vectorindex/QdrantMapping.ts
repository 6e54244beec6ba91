/** Translates filters and points to Qdrant's requests, and its responses back. */
import { Schema } from "effect"
import { Payload, type Point } from "../../domain/search/VectorPoint.ts"
import { type Filter, type Term, toClauses } from "../../domain/search/VectorQuery.ts"

/** The payload indexes of a collection: of the fields that filters and the version guard use. Threads are the tenants. */
export const payloadIndexes = [
  { field_name: "thread", field_schema: { type: "keyword", is_tenant: true } },
  { field_name: "author", field_schema: "keyword" },
  { field_name: "visibility", field_schema: "keyword" },
  { field_name: "version", field_schema: "integer" }
] as const

/** `GET /collections/{name}`: the collection's dimension and its payload indexes. */
export const CollectionInfo = Schema.Struct({
  config: Schema.Struct({
    params: Schema.Struct({ vectors: Schema.Struct({ size: Schema.Natural, distance: Schema.Literal("Cosine") }) })
  }),
  payload_schema: Schema.Record(Schema.String, Schema.Unknown)
})
/** The result of a write; only `completed` is visible to later searches. */
export const UpdateResult = Schema.Struct({ status: Schema.Literals(["acknowledged", "completed", "wait_timeout"]) })
/** A point as it is read back. */
export const PointRecord = Schema.Struct({ id: Schema.String, payload: Payload, vector: Schema.Array(Schema.Finite) })
/** A search result. */
export const ScoredPoint = Schema.Struct({ id: Schema.String, payload: Payload, score: Schema.Finite })

/** A condition of Qdrant's filter language. */
export type Condition =
  | { readonly key: string; readonly match: { readonly any: Array<string> } }
  | { readonly should: Array<Condition> }

/** The filter in Qdrant's language; null for a filter that admits everything. A `should` is never empty: its meaning would then depend on the index. */
export const toQdrantFilter = (filter: Filter): { readonly must: Array<Condition> } | null => {
  const clauses = toClauses(filter)
  return clauses.length === 0 ? null : { must: clauses.map(toCondition) }
}

const toCondition = (terms: ReadonlyArray<Term>): Condition => {
  const [first, ...others] = terms.map(({ field, values }): Condition => ({
    key: field,
    // The server requires distinct values.
    match: { any: Array.from(new Set(values)) }
  }))
  return first !== undefined && others.length === 0 ? first : { should: first === undefined ? [] : [first, ...others] }
}

/** One upsert per version among the points: Qdrant's version guard applies to a whole upsert. */
export const versionGuardedUpserts = (points: ReadonlyArray<Point>) => {
  const byVersion = Map.groupBy(points, (point) => point.payload.version)
  return Array.from(byVersion).sort(([a], [b]) => a - b).map(([version, points]) => ({
    upsert: {
      points: points.map(({ id, payload, vector }) => ({ id, vector: [...vector], payload: { ...payload } })),
      update_filter: { must: [{ key: "version", range: { lt: version } }] }
    }
  }))
}

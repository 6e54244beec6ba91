/** The semantics of a Qdrant 1.19 server for the requests that Choir sends, in memory, after its documentation and tests. */
import { Schema } from "effect"

type Json = Schema.Json

/** An error response. */
export class QdrantError {
  readonly status: number
  readonly error: string

  constructor(status: number, error: string) {
    this.status = status
    this.error = error
  }
}

const Match = Schema.Struct({
  value: Schema.optionalKey(Schema.Json),
  any: Schema.optionalKey(Schema.Array(Schema.Json))
})
const Range = Schema.Struct({ lt: Schema.Finite })

interface Filter {
  readonly must?: ReadonlyArray<Condition>
  readonly should?: ReadonlyArray<Condition>
}
type Condition = Filter | {
  readonly key: string
  readonly match?: typeof Match.Type
  readonly range?: typeof Range.Type
}

const Condition: Schema.Codec<Condition> = Schema.Union([
  Schema.Struct({ key: Schema.String, match: Schema.optionalKey(Match), range: Schema.optionalKey(Range) }),
  Schema.Struct({
    must: Schema.optionalKey(Schema.Array(Schema.suspend((): Schema.Codec<Condition> => Condition))),
    should: Schema.optionalKey(Schema.Array(Schema.suspend((): Schema.Codec<Condition> => Condition)))
  })
])

const PointStruct = Schema.Struct({
  id: Schema.String,
  vector: Schema.Array(Schema.Finite),
  payload: Schema.Record(Schema.String, Schema.Json)
})
type PointStruct = typeof PointStruct.Type

const Requests = {
  create: Schema.Struct({
    vectors: Schema.Struct({ size: Schema.Natural, distance: Schema.Literal("Cosine") })
  }),
  index: Schema.Struct({ field_name: Schema.String, field_schema: Schema.Json }),
  batch: Schema.Struct({
    operations: Schema.Array(Schema.Struct({
      upsert: Schema.Struct({ points: Schema.Array(PointStruct), update_filter: Schema.optionalKey(Condition) })
    }))
  }),
  ids: Schema.Struct({ points: Schema.Array(Schema.String) }),
  get: Schema.Struct({ ids: Schema.Array(Schema.String) }),
  query: Schema.Struct({
    query: Schema.Array(Schema.Finite),
    limit: Schema.Natural,
    filter: Schema.optionalKey(Schema.NullOr(Condition))
  }),
  scroll: Schema.Struct({ limit: Schema.Natural, offset: Schema.optionalKey(Schema.NullOr(Schema.String)) })
} as const

/** The error for an invalid body. */
const parseBody = <A>(schema: Schema.Codec<A>, body: unknown): A => {
  const exit = Schema.decodeUnknownExit(schema)(body)
  if (exit._tag === "Failure") throw new QdrantError(400, "Format error in JSON body")
  return exit.value
}

interface Collection {
  readonly size: number
  readonly points: Map<string, PointStruct>
  readonly indexes: Map<string, Json>
}

const matchesCondition = (condition: Condition, payload: PointStruct["payload"]): boolean => {
  if (!("key" in condition)) {
    return (condition.must ?? []).every((part) => matchesCondition(part, payload)) &&
      (condition.should === undefined || condition.should.some((part) => matchesCondition(part, payload)))
  }
  const value = payload[condition.key]
  const { match, range } = condition
  if (value === undefined) return false
  if (range !== undefined) return typeof value === "number" && value < range.lt
  return match?.any === undefined ? match?.value === value : match.any.includes(value)
}

/** Normalises a vector, as the server does for cosine distance; one close to zero is stored unchanged. */
const normalise = (vector: ReadonlyArray<number>): ReadonlyArray<number> => {
  const square = vector.reduce((sum, x) => sum + x * x, 0)
  return square < 1.19e-7 || Math.abs(square - 1) <= 1e-6
    ? vector
    : vector.map((x) => Math.fround(x / Math.sqrt(square)))
}

const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
  Math.fround(a.reduce((sum, x, i) => sum + x * b[i]!, 0))

/** Rejects a vector of another dimension. */
const checkSize = (collection: Collection, vector: ReadonlyArray<number>) => {
  if (vector.length !== collection.size) {
    const detail = `expected dim: ${collection.size}, got ${vector.length}`
    throw new QdrantError(400, `Wrong input: Vector dimension error: ${detail}`)
  }
}

const toRecord = ({ id, payload, vector }: PointStruct) => ({ id, payload, vector })
const sortedById = (collection: Collection) =>
  Array.from(collection.points.values()).sort((a, b) => (a.id < b.id ? -1 : 1))

/** Stores points, unless the filter excludes the stored one. */
const upsert = (
  collection: Collection,
  { points, update_filter }: typeof Requests.batch.Type["operations"][0]["upsert"]
) => {
  for (const point of points) checkSize(collection, point.vector)
  for (const point of points) {
    const stored = collection.points.get(point.id)
    if (stored !== undefined && update_filter !== undefined && !matchesCondition(update_filter, stored.payload)) {
      continue
    }
    collection.points.set(point.id, { ...point, vector: normalise(point.vector) })
  }
}

/** The description of a collection. */
const info = (collection: Collection) => ({
  status: "green",
  optimizer_status: "ok",
  segments_count: 1,
  points_count: collection.points.size,
  config: {
    params: { vectors: { size: collection.size, distance: "Cosine" } },
    hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000 },
    optimizer_config: {
      deleted_threshold: 0.2,
      vacuum_min_vector_number: 1000,
      default_segment_number: 0,
      flush_interval_sec: 5
    }
  },
  payload_schema: Object.fromEntries(
    Array.from(collection.indexes, ([field, schema]) => [field, {
      data_type: typeof schema === "string" ? schema : "keyword",
      points: collection.points.size
    }])
  )
})

/** Searches by cosine similarity. */
const query = (collection: Collection, body: unknown) => {
  const { filter, limit, query } = parseBody(Requests.query, body)
  if (limit === 0) throw new QdrantError(422, "Validation error in JSON body: [limit: value 0 invalid]")
  checkSize(collection, query)
  const direction = normalise(query)
  const points = Array.from(collection.points.values())
    .filter((point) => filter === undefined || filter === null || matchesCondition(filter, point.payload))
    .map(({ id, payload, vector }) => ({ id, version: 0, score: dot(direction, vector), payload }))
    // Qdrant orders ties arbitrarily; the largest id comes first here, so that no test relies on the order of ids.
    .sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1))
  return { points: points.slice(0, limit) }
}

/** A page of points in the order of their ids. */
const scroll = (collection: Collection, body: unknown) => {
  const { limit, offset } = parseBody(Requests.scroll, body)
  const rest = sortedById(collection).filter((point) => offset === undefined || offset === null || point.id >= offset)
  return { points: rest.slice(0, limit).map(toRecord), next_page_offset: rest[limit]?.id ?? null }
}

/** One server; `handle` returns a result or throws a `QdrantError`. */
export const make = () => {
  const collections = new Map<string, Collection>()
  let operations = 0

  const requireCollection = (name: string): Collection => {
    const collection = collections.get(name)
    if (collection === undefined) throw new QdrantError(404, `Not found: Collection \`${name}\` doesn't exist!`)
    return collection
  }
  const toUpdateResult = (wait: boolean) => ({
    operation_id: ++operations,
    status: wait ? "completed" : "acknowledged"
  })
  const create = (name: string, body: unknown) => {
    if (collections.has(name)) throw new QdrantError(409, `Wrong input: Collection \`${name}\` already exists!`)
    const { vectors } = parseBody(Requests.create, body)
    collections.set(name, { size: vectors.size, points: new Map(), indexes: new Map() })
    return true
  }

  const handle = (method: string, name: string, action: string, wait: boolean, body: unknown): unknown => {
    if (action === "" && method === "PUT") return create(name, body)
    const collection = requireCollection(name)
    switch (`${method} ${action}`) {
      case "GET ":
        return info(collection)
      case "PUT index": {
        const { field_name, field_schema } = parseBody(Requests.index, body)
        collection.indexes.set(field_name, field_schema)
        return toUpdateResult(wait)
      }
      case "POST points/batch":
        return parseBody(Requests.batch, body).operations.map((operation) => {
          upsert(collection, operation.upsert)
          return toUpdateResult(wait)
        })
      case "POST points/delete":
        for (const id of parseBody(Requests.ids, body).points) collection.points.delete(id)
        return toUpdateResult(wait)
      case "POST points/query":
        return query(collection, body)
      case "POST points": {
        const requestedIds = new Set(parseBody(Requests.get, body).ids)
        return Array.from(collection.points.values()).filter((point) => requestedIds.has(point.id)).map(toRecord)
      }
      case "POST points/count":
        return { count: collection.points.size }
      case "POST points/scroll":
        return scroll(collection, body)
      default:
        throw new QdrantError(501, `the fake does not support ${method} ${action}`)
    }
  }
  return { handle, drop: (name: string) => collections.delete(name) } as const
}

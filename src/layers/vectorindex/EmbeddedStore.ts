/** Points in SQLite: the truth that the embedded engine's index is built from. */
import { Array as Arr, Effect, Option, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { Payload, type Point } from "../../domain/search/VectorPoint.ts"
import { MalformedResponse, Unreachable, VectorIndexError } from "../../services/VectorIndex.ts"
import type { RowBatch } from "./EmbeddedProtocol.ts"
import type { Row } from "./FlatIndex.ts"

interface StoredPoint {
  readonly id: string
  readonly payload: string
  readonly vector: Uint8Array
}

interface StoredRow extends Row {
  readonly vector: Uint8Array
}

const unreachable = (cause: SqlError.SqlError) =>
  new VectorIndexError({ reason: new Unreachable({ detail: "SQLite", cause }) })

const decodePayload = Schema.decodeUnknownEffect(Schema.fromJsonString(Payload))

const toFloat32Array = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer)

const parsePayload = ({ id, payload }: Omit<StoredPoint, "vector">): Effect.Effect<Payload, VectorIndexError> =>
  Effect.mapError(
    decodePayload(payload),
    () => new VectorIndexError({ reason: new MalformedResponse({ detail: `the stored payload of ${id} is damaged` }) })
  )

const toPoint = (stored: StoredPoint): Effect.Effect<Point, VectorIndexError> =>
  Effect.map(
    parsePayload(stored),
    (payload) => ({ id: stored.id, vector: Array.from(toFloat32Array(stored.vector)), payload })
  )

const toBatch = (rows: ReadonlyArray<StoredRow>, dimension: number): RowBatch => {
  const vectors = new Float32Array(rows.length * dimension)
  rows.forEach((row, i) => vectors.set(toFloat32Array(row.vector), i * dimension))
  return {
    rows: rows.map(({ author, id, thread, version, visibility }) => ({ author, id, thread, version, visibility })),
    vectors
  }
}

/** Opens the tables, making them where they are missing. */
export const make = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE TABLE IF NOT EXISTS vector_collections (name TEXT PRIMARY KEY, dimension INTEGER NOT NULL)`
  yield* sql`CREATE TABLE IF NOT EXISTS vector_points (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    thread TEXT NOT NULL,
    author TEXT NOT NULL,
    visibility TEXT NOT NULL,
    payload TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (collection, id)
  )`

  // Collections are made and never changed.
  const dimensions = new Map<string, number>()
  const dimension = Effect.fnUntraced(function*(collection: string) {
    const cached = dimensions.get(collection)
    if (cached !== undefined) return Option.some(cached)
    const [stored] = yield* Effect.mapError(
      sql<{ readonly dimension: number }>`SELECT dimension FROM vector_collections WHERE name = ${collection}`,
      unreachable
    )
    if (stored === undefined) return Option.none()
    dimensions.set(collection, stored.dimension)
    return Option.some(stored.dimension)
  })

  const ensure = (collection: string, dimension: number) =>
    sql`INSERT INTO vector_collections (name, dimension) VALUES (${collection}, ${dimension}) ON CONFLICT DO NOTHING`
      .pipe(Effect.mapError(unreachable))

  /** The points' vectors are normalised already. */
  const upsert = (collection: string, points: ReadonlyArray<Point>) => {
    const rows = points.map(({ id, payload, vector }) => ({
      collection,
      id,
      version: payload.version,
      thread: payload.thread,
      author: payload.author,
      visibility: payload.visibility,
      payload: JSON.stringify(payload),
      vector: new Uint8Array(Float32Array.from(vector).buffer)
    }))
    if (!Arr.isArrayNonEmpty(rows)) return Effect.void
    return sql`INSERT INTO vector_points ${sql.insert(rows)}
      ON CONFLICT (collection, id) DO UPDATE SET
        version = excluded.version, thread = excluded.thread, author = excluded.author,
        visibility = excluded.visibility, payload = excluded.payload, vector = excluded.vector
      WHERE excluded.version > vector_points.version`.pipe(Effect.mapError(unreachable), Effect.asVoid)
  }

  const remove = (collection: string, ids: ReadonlyArray<string>) =>
    sql`DELETE FROM vector_points WHERE collection = ${collection} AND ${sql.in("id", ids)}`.pipe(
      Effect.mapError(unreachable)
    )

  /** By id. */
  const get = (collection: string, ids: ReadonlyArray<string>) =>
    sql<StoredPoint>`SELECT id, payload, vector FROM vector_points
      WHERE collection = ${collection} AND ${sql.in("id", ids)} ORDER BY id`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(Effect.forEach(toPoint))
    )

  const payloads = (collection: string, ids: ReadonlyArray<string>) =>
    sql<Omit<StoredPoint, "vector">>`SELECT id, payload FROM vector_points
      WHERE collection = ${collection} AND ${sql.in("id", ids)}`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(
        Effect.forEach((stored) => Effect.map(parsePayload(stored), (payload) => [stored.id, payload] as const))
      ),
      Effect.map((entries) => new Map(entries))
    )

  const count = (collection: string) =>
    sql<{ readonly n: number }>`SELECT count(*) AS n FROM vector_points WHERE collection = ${collection}`.pipe(
      Effect.map((rows) => rows[0]!.n),
      Effect.mapError(unreachable)
    )

  const scroll = (collection: string, after: string | null, limit: number) =>
    sql<StoredPoint>`SELECT id, payload, vector FROM vector_points
      WHERE collection = ${collection} AND id > ${after ?? ""} ORDER BY id LIMIT ${limit}`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(Effect.forEach(toPoint))
    )

  /** What the index has to know, page by page. */
  const page = (collection: { readonly name: string; readonly dimension: number }, after: string) =>
    sql<StoredRow>`SELECT id, version, thread, author, visibility, vector FROM vector_points
      WHERE collection = ${collection.name} AND id > ${after} ORDER BY id LIMIT 1000`.pipe(
      Effect.map((rows) => ({ last: rows.at(-1)?.id, batch: toBatch(rows, collection.dimension) })),
      Effect.mapError(unreachable)
    )

  const collections = sql<{ readonly name: string; readonly dimension: number }>`
    SELECT name, dimension FROM vector_collections`.pipe(Effect.mapError(unreachable))

  return { collections, count, dimension, ensure, get, page, payloads, remove, scroll, upsert } as const
}).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(unreachable(error))))

export type EmbeddedStore = Effect.Success<typeof make>

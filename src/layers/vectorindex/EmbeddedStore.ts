/** The points of the embedded engine in SQLite. Durable: the index in the worker's memory is rebuilt from it. */
import { Array as Arr, Effect, Option, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { Payload, type Point } from "../../domain/search/VectorPoint.ts"
import { MalformedResponse, Unreachable, VectorIndexError } from "../../services/VectorIndex.ts"
import * as LogFile from "../sql/LogFile.ts"
import type { RowBatch } from "./EmbeddedProtocol.ts"
import { type Row, rowOfPoint, toRow } from "./FlatIndex.ts"

interface StoredPoint {
  readonly id: string
  readonly payload: string
  readonly vector: Uint8Array
}

type StoredText = Omit<StoredPoint, "vector">

/** The columns that the index in memory needs. */
interface StoredRow extends Row {
  readonly vector: Uint8Array
}

interface StoredCollection {
  readonly name: string
  readonly dimension: number
}

/** Rows per page when the index is loaded. */
const pageSize = 1000

/** The tables, created unless they exist. */
export const make: Effect.Effect<EmbeddedStore, VectorIndexError, SqlClient.SqlClient> = Effect.gen(function*() {
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
  return new EmbeddedStore(sql)
}).pipe(Effect.mapError((error) => unreachable(error)))

/** Collections and points in the tables `vector_collections` and `vector_points`. Vectors are stored as they come. */
export class EmbeddedStore {
  private readonly sql: SqlClient.SqlClient
  /** Dimensions of known collections; a collection never changes. */
  private readonly dimensions = new Map<string, number>()

  constructor(sql: SqlClient.SqlClient) {
    this.sql = sql
  }

  /** Every collection. */
  get collections() {
    return this.sql<StoredCollection>`SELECT name, dimension FROM vector_collections`.pipe(Effect.mapError(unreachable))
  }

  /** The collection's dimension; none if it does not exist. */
  dimension(collection: string): Effect.Effect<Option.Option<number>, VectorIndexError> {
    const cached = this.dimensions.get(collection)
    if (cached !== undefined) return Effect.succeedSome(cached)
    return this.sql<StoredCollection>`SELECT name, dimension FROM vector_collections WHERE name = ${collection}`.pipe(
      Effect.mapError(unreachable),
      Effect.map(([stored]) => {
        if (stored === undefined) return Option.none()
        this.dimensions.set(collection, stored.dimension)
        return Option.some(stored.dimension)
      })
    )
  }

  /** Creates the collection unless it exists. */
  ensure(collection: string, dimension: number) {
    return this.sql`INSERT INTO vector_collections (name, dimension) VALUES (${collection}, ${dimension})
      ON CONFLICT DO NOTHING`.pipe(Effect.mapError(unreachable))
  }

  /** Writes points; a version that is not newer than the stored one is ignored. */
  upsert(collection: string, points: ReadonlyArray<Point>) {
    const rows = points.map((point) => ({
      collection,
      ...rowOfPoint(point),
      payload: JSON.stringify(point.payload),
      vector: new Uint8Array(Float32Array.from(point.vector).buffer)
    }))
    if (!Arr.isArrayNonEmpty(rows)) return Effect.void
    return this.sql`INSERT INTO vector_points ${this.sql.insert(rows)}
      ON CONFLICT (collection, id) DO UPDATE SET
        version = excluded.version, thread = excluded.thread, author = excluded.author,
        visibility = excluded.visibility, payload = excluded.payload, vector = excluded.vector
      WHERE excluded.version > vector_points.version`.pipe(Effect.mapError(unreachable), Effect.asVoid)
  }

  /** Deletes points; ids that do not exist are ignored. */
  remove(collection: string, ids: ReadonlyArray<string>) {
    return this.sql`DELETE FROM vector_points WHERE collection = ${collection} AND ${this.sql.in("id", ids)}`.pipe(
      Effect.mapError(unreachable)
    )
  }

  /** No byte of what was deleted remains in the files (TOP10). Fails while another process reads them. */
  get cleanFiles() {
    return Effect.mapError(LogFile.empty(this.sql), unreachable)
  }

  /** The points that exist, by id. */
  get(collection: string, ids: ReadonlyArray<string>) {
    return this.sql<StoredPoint>`SELECT id, payload, vector FROM vector_points
      WHERE collection = ${collection} AND ${this.sql.in("id", ids)} ORDER BY id`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(Effect.forEach(toPoint))
    )
  }

  /** The payloads of the points that exist. */
  payloads(collection: string, ids: ReadonlyArray<string>) {
    return this.sql<StoredText>`SELECT id, payload FROM vector_points
      WHERE collection = ${collection} AND ${this.sql.in("id", ids)}`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(
        Effect.forEach((stored) => Effect.map(parsePayload(stored), (payload) => [stored.id, payload] as const))
      ),
      Effect.map((entries): ReadonlyMap<string, Payload> => new Map(entries))
    )
  }

  /** The number of points. */
  count(collection: string) {
    return this.sql<{ readonly n: number }>`SELECT count(*) AS n FROM vector_points WHERE collection = ${collection}`
      .pipe(
        Effect.map((rows) => rows[0]!.n),
        Effect.mapError(unreachable)
      )
  }

  /** Points with an id after `after`, by id. */
  scroll(collection: string, after: string | null, limit: number) {
    return this.sql<StoredPoint>`SELECT id, payload, vector FROM vector_points
      WHERE collection = ${collection} AND id > ${after ?? ""} ORDER BY id LIMIT ${limit}`.pipe(
      Effect.mapError(unreachable),
      Effect.flatMap(Effect.forEach(toPoint))
    )
  }

  /** A page of rows for the index in memory, after the id `after`; `last` is undefined at the end. */
  page({ dimension, name }: StoredCollection, after: string) {
    return this.sql<StoredRow>`SELECT id, version, thread, author, visibility, vector FROM vector_points
      WHERE collection = ${name} AND id > ${after} ORDER BY id LIMIT ${pageSize}`.pipe(
      Effect.map((rows) => ({ last: rows.at(-1)?.id, batch: toBatch(rows, dimension) })),
      Effect.mapError(unreachable)
    )
  }
}

const unreachable = (cause: SqlError.SqlError) =>
  new VectorIndexError({ reason: new Unreachable({ detail: "SQLite", cause }) })

const decodePayload = Schema.decodeUnknownEffect(Schema.fromJsonString(Payload))

const parsePayload = ({ id, payload }: StoredText): Effect.Effect<Payload, VectorIndexError> =>
  Effect.mapError(
    decodePayload(payload),
    () => new VectorIndexError({ reason: new MalformedResponse({ detail: `the stored payload of ${id} is damaged` }) })
  )

const toPoint = (stored: StoredPoint): Effect.Effect<Point, VectorIndexError> =>
  Effect.map(
    parsePayload(stored),
    (payload) => ({ id: stored.id, vector: Array.from(toFloat32Array(stored.vector)), payload })
  )

const toBatch = (stored: ReadonlyArray<StoredRow>, dimension: number): RowBatch => {
  const vectors = new Float32Array(stored.length * dimension)
  stored.forEach(({ vector }, i) => vectors.set(toFloat32Array(vector), i * dimension))
  return { rows: stored.map(toRow), vectors }
}

const toFloat32Array = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer)

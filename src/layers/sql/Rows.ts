/** Statements over many rows, as few as the database allows: SQLite binds each value, Postgres takes all rows as one. */
import { Array as Arr, Effect } from "effect"
import type { SqlClient, SqlError, Statement } from "effect/sql"

/**
 * Splits rows into chunks whose lengths are powers of two, at most 64, so that few statement texts occur and all of them
 * stay prepared.
 */
export const chunkRows = <A>(rows: ReadonlyArray<A>): ReadonlyArray<Arr.NonEmptyReadonlyArray<A>> => {
  const chunks: Array<Arr.NonEmptyReadonlyArray<A>> = []
  for (let from = 0; from < rows.length;) {
    const size = Math.min(64, 2 ** Math.floor(Math.log2(rows.length - from)))
    const chunk = rows.slice(from, from + size)
    if (Arr.isReadonlyArrayNonEmpty(chunk)) chunks.push(chunk)
    from += size
  }
  return chunks
}

/** A row to insert: values by the names of their columns. */
type Row = Readonly<Record<string, string | number | null>>

/**
 * Inserts rows of the same columns. `onConflict` is the clause for rows whose key exists; with one that updates, no key may
 * occur twice.
 */
export const insertRows = (
  sql: SqlClient.SqlClient,
  table: string,
  rows: ReadonlyArray<Row>,
  onConflict: Statement.Fragment = sql.literal("")
): Effect.Effect<void, SqlError.SqlError> =>
  sql.onDialectOrElse({
    pg: () => insertArrays(sql, table, rows, onConflict),
    orElse: () =>
      Effect.forEach(
        chunkRows(rows),
        (chunk) => sql`INSERT INTO ${sql(table)} ${sql.insert(chunk)} ${onConflict}`,
        { discard: true }
      )
  })

/** One round trip for any number of rows, in a statement that stays prepared: an array for each column. */
const insertArrays = (
  sql: SqlClient.SqlClient,
  table: string,
  rows: ReadonlyArray<Row>,
  onConflict: Statement.Fragment
): Effect.Effect<void, SqlError.SqlError> => {
  // An array of nulls alone has no type. A column that is left out is null.
  const columns = Object.keys(rows[0] ?? {}).filter((column) => rows.some((row) => row[column] !== null))
  if (columns.length === 0) return Effect.void
  const arrays = columns.map((column) => {
    const values = rows.map((row) => row[column] ?? null)
    return values.some((value) => typeof value === "number")
      ? sql`${values.map((value) => value === null ? null : BigInt(value))}::bigint[]`
      : sql`${values}::text[]`
  })
  return Effect.asVoid(
    sql`INSERT INTO ${sql(table)} (${sql.csv(columns.map((column) => sql`${sql(column)}`))})
      SELECT * FROM unnest(${sql.csv(arrays)}) ${onConflict}`
  )
}

/** Runs a statement for all keys, in chunks where it must be; `isAmong` is its condition on the column `column`. */
export const forKeys = <A>(
  sql: SqlClient.SqlClient,
  column: string,
  keys: ReadonlyArray<string>,
  statement: (isAmong: Statement.Fragment) => Effect.Effect<ReadonlyArray<A>, SqlError.SqlError>
): Effect.Effect<ReadonlyArray<A>, SqlError.SqlError> => {
  if (keys.length === 0) return Effect.succeed([])
  return sql.onDialectOrElse({
    pg: () => statement(sql`${sql(column)} = ANY(${keys})`),
    orElse: () => Effect.map(Effect.forEach(chunkRows(keys), (chunk) => statement(sql.in(column, chunk))), Arr.flatten)
  })
}

/**
 * A table's definition for the database at hand. Postgres compares texts by the rules of a language unless it is told to
 * compare their bytes, as SQLite does.
 */
export const definitionFor = (sql: SqlClient.SqlClient, definition: string): string =>
  sql.onDialectOrElse({
    pg: () => definition.replaceAll(/\bTEXT\b/g, "TEXT COLLATE \"C\""),
    orElse: () => definition
  })

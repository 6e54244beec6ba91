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

const insertStatements = new Map<string, string>()

/** The same string each time: a statement is found by it, and to put 64 rows together costs as much as to insert a few. */
const insertStatement = (table: string, columns: ReadonlyArray<string>, count: number, onConflict: string): string => {
  const key = `${table} ${count} ${columns.length} ${onConflict}`
  let statement = insertStatements.get(key)
  if (statement === undefined) {
    const row = `(${columns.map(() => "?").join(", ")})`
    const values = Array.from({ length: count }, () => row).join(", ")
    statement = `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${values} ${onConflict}`
    insertStatements.set(key, statement)
  }
  return statement
}

/**
 * Inserts rows of the same columns in the same order, which a table has one of. `onConflict` is the clause for rows whose key exists; with one
 * that updates, no key may occur twice.
 */
export const insertRows = (
  sql: SqlClient.SqlClient,
  table: string,
  rows: ReadonlyArray<Row>,
  onConflict = ""
): Effect.Effect<void, SqlError.SqlError> =>
  rows.length === 0 ? Effect.void : sql.onDialectOrElse({
    pg: () => insertArrays(sql, table, rows, onConflict),
    orElse: () => {
      const columns = Object.keys(rows[0]!)
      return Effect.forEach(
        chunkRows(rows),
        (chunk) => {
          const values: Array<string | number | null> = []
          for (const row of chunk) for (const value of Object.values(row)) values.push(value)
          return sql.unsafe(insertStatement(table, columns, chunk.length, onConflict), values)
        },
        { discard: true }
      )
    }
  })

/** One round trip for any number of rows, in a statement that stays prepared: an array for each column. */
const insertArrays = (
  sql: SqlClient.SqlClient,
  table: string,
  rows: ReadonlyArray<Row>,
  onConflict: string
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
      SELECT * FROM unnest(${sql.csv(arrays)}) ${sql.literal(onConflict)}`
  )
}

/** Runs a statement for all keys, in chunks where it must be; `isAmong` is its condition on the column `column`. */
export const forKeys = <A>(
  sql: SqlClient.SqlClient,
  column: string,
  keys: ReadonlyArray<string | number>,
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

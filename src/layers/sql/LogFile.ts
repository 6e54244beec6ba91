/** The write-ahead log of SQLite, which has older pages, with what was deleted since, until it is emptied (TOP10). */
import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { toSqlError } from "./SqliteConnection.ts"

/** SQLITE_BUSY. */
const busyCode = 5

/**
 * Empties it. What is deleted is overwritten in the data file (`secure_delete`): then no byte of it remains. Fails while another
 * process, such as a backup, reads the file. Other databases than SQLite have none.
 */
export const empty = (sql: SqlClient.SqlClient): Effect.Effect<void, SqlError.SqlError> =>
  sql.onDialectOrElse({
    sqlite: () =>
      Effect.flatMap(sql<{ readonly busy: number }>`PRAGMA wal_checkpoint(TRUNCATE)`, ([result]) =>
        result?.busy === 0 ? Effect.void : Effect.fail(toSqlError(readByOthers(), "empty its write-ahead log"))),
    orElse: () =>
      Effect.void
  })

const readByOthers = () => Object.assign(new Error("another process reads the file"), { errcode: busyCode })

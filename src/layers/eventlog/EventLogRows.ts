/** The rows of the event log's tables, the same in SQLite and Postgres, and their mapping to entries and errors. */
import { Result, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { Author, CommandId, TopicId } from "../../domain/protocol/Ids.ts"
import { SignedCommand } from "../../domain/protocol/SignedCommand.ts"
import { StateHash } from "../../domain/protocol/StateHash.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { EventLogError, LogUnavailable } from "../../services/EventLog.ts"
import { sqlState } from "../sql/PostgresConnection.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { resultCode, storageFault } from "../sql/Sqlite.ts"
import { logCorrupt } from "./ChainVerification.ts"

const EventRow = Schema.Struct({
  topic: TopicId,
  seq: SafeInteger,
  at: SafeInteger,
  cause: CommandId,
  author: Author,
  version: SafeInteger,
  event: Schema.String,
  signed: Schema.NullOr(Schema.fromJsonString(SignedCommand)),
  asked: Schema.NullOr(StateHash),
  prev: Schema.String,
  hash: Schema.String
})
const decodeEventRow = Schema.decodeUnknownExit(EventRow)

/** An applied command, from its last event or from the table of commands without one. */
export const ProcessedCommandRow = Schema.Struct({ seq: SafeInteger, author: Author, asked: Schema.NullOr(StateHash) })

/** An event's row as an entry. A row that does not decode is damage at `seq` (FLT5). */
export const entryFromRow = (topic: TopicId, seq: number, row: unknown): Result.Result<Entry, EventLogError> => {
  const decoded = decodeEventRow(row)
  if (decoded._tag === "Failure") return Result.fail(logCorrupt(topic, seq, "altered"))
  const { asked, event, signed, ...rest } = decoded.value
  try {
    return Result.succeed({
      ...rest,
      event: JSON.parse(event) as Schema.Json,
      ...(signed === null ? undefined : { signed }),
      ...(asked === null ? undefined : { asked })
    })
  } catch {
    return Result.fail(logCorrupt(topic, seq, "altered"))
  }
}

/** An entry as a row to insert. */
export const rowFromEntry = ({ asked, event, signed, ...entry }: Entry) => ({
  ...entry,
  event: JSON.stringify(event),
  signed: signed === undefined ? null : JSON.stringify(signed),
  asked: asked ?? null
})

/** What a person must act on: the file's fault in SQLite, or disk_full in Postgres. */
const faultOf = (error: SqlError.SqlError) => sqlState(error) === "53100" ? "full" : storageFault(error)

/** A failed statement as an error of the event log. */
export const logUnavailable = (operation: string) => (cause: SqlError.SqlError | Schema.SchemaError): EventLogError =>
  new EventLogError({
    reason: new LogUnavailable({ operation, fault: cause._tag === "SqlError" ? faultOf(cause) : "other", cause })
  })

/** Whether the database's own files are damaged: SQLITE_CORRUPT, SQLITE_NOTADB, or Postgres' data_corrupted, index_corrupted. */
export const isFileCorruption = (error: SqlError.SqlError | Schema.SchemaError): boolean => {
  if (error._tag !== "SqlError") return false
  const code = resultCode(error)
  return code === 11 || code === 26 || /^XX00[12]$/.test(sqlState(error) ?? "")
}

/** The rows of the event log's tables, the same in SQLite and Postgres, and their mapping to entries and errors. */
import { Array as Arr, Result, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { Author, CommandId, TopicId } from "../../domain/protocol/Ids.ts"
import { SignedCommand } from "../../domain/protocol/SignedCommand.ts"
import { StateHash } from "../../domain/protocol/StateHash.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { EventLogError, LogUnavailable } from "../../services/EventLog.ts"
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

/** A topic's head. */
export const HeadRow = Schema.Struct({ id: TopicId, epoch: Schema.String, head: SafeInteger, head_hash: Schema.String })

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

/** A failed statement as an error of the event log. */
export const logUnavailable = (operation: string) => (cause: SqlError.SqlError | Schema.SchemaError): EventLogError =>
  new EventLogError({
    reason: new LogUnavailable({ operation, fault: cause._tag === "SqlError" ? storageFault(cause) : "other", cause })
  })

/** Whether the database file itself is damaged: SQLITE_CORRUPT, SQLITE_NOTADB. */
export const isFileCorruption = (error: SqlError.SqlError | Schema.SchemaError): boolean => {
  const code = error._tag === "SqlError" ? resultCode(error) : undefined
  return code === 11 || code === 26
}

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

/** The rows of the event log's tables, the same in SQLite and Postgres, and their mapping to entries and errors. */
import { Result, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { canonicalJson } from "../../domain/protocol/CanonicalJson.ts"
import { Answered, CommandId, TopicId } from "../../domain/protocol/Ids.ts"
import { Principal } from "../../domain/protocol/Principal.ts"
import { noOpenings, Openings } from "../../domain/protocol/Seal.ts"
import { SignedCommand } from "../../domain/protocol/SignedCommand.ts"
import { StateHash } from "../../domain/protocol/StateHash.ts"
import { type AppendedEntry, type Entry, noTextSeqs, type StoredEvent } from "../../domain/topic/Log.ts"
import { SealedText } from "../../domain/topic/SealedText.ts"
import { EventLogError, LogUnavailable } from "../../services/EventLog.ts"
import { sqlState } from "../sql/PostgresConnection.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { resultCode, storageFault } from "../sql/Sqlite.ts"
import { isOpening, logCorrupt } from "./ChainVerification.ts"

/** Openings as JSON text: every character may occur in one, and Postgres' text holds no NUL. */
export const StoredOpenings = Schema.NullOr(Schema.fromJsonString(Openings))

/** `StoredOpenings` of openings. */
export const encodeOpenings = (open: Openings): string | null => open === noOpenings ? null : JSON.stringify(open)

/** The same of texts. Written out: an object with commitments for names costs more than the hash of an entry. */
const encodeTexts = (texts: StoredEvent["texts"]): string | null => {
  let json = ""
  for (const [c, sealed] of texts) {
    json += `${json === "" ? "{" : ","}"${c}":${JSON.stringify([SealedText.saltOf(sealed), sealed.text])}`
  }
  return json === "" ? null : `${json}}`
}

const EntryRow = Schema.Struct({
  topic: TopicId,
  epoch: Schema.String,
  seq: SafeInteger,
  at: SafeInteger,
  cause: CommandId,
  principal: Schema.fromJsonString(Principal),
  via: Schema.NullOr(CommandId),
  answers: Schema.NullOr(Schema.fromJsonString(Answered)),
  depth: SafeInteger,
  version: SafeInteger,
  event: Schema.String,
  open: StoredOpenings,
  text_seqs: Schema.NullOr(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Natural))),
  signature: Schema.NullOr(Schema.fromJsonString(SignedCommand)),
  command_hash: Schema.NullOr(StateHash),
  prev: Schema.String,
  hash: Schema.String
})
const decodeEntryRow = Schema.decodeUnknownExit(EntryRow)

/** The columns of an entry. */
export const entryColumns = Object.keys(EntryRow.fields).join(", ")

/** An applied command, from its last entry or from the table of commands without one. */
export const ProcessedCommandRow = Schema.Struct({
  seq: SafeInteger,
  principal: Schema.fromJsonString(Principal),
  command_hash: Schema.NullOr(StateHash)
})

/** Whether openings fit the commitments that they stand for. */
export const fitsCommitments = (open: Openings): boolean => {
  for (const c in open) if (!isOpening(c, open[c]!)) return false
  return true
}

/**
 * A row as an entry, with the texts that stand beside itself. One that does not decode, or has a text that does not fit, is damage at
 * `seq` (FLT5).
 */
export const entryFromRow = (topic: TopicId, seq: number, row: unknown): Result.Result<Entry, EventLogError> => {
  const decoded = decodeEntryRow(row)
  if (decoded._tag === "Failure") return Result.fail(logCorrupt(topic, seq, "altered"))
  const { answers, command_hash, event, open, signature, text_seqs, via, ...rest } = decoded.value
  if (open !== null && !fitsCommitments(open)) return Result.fail(logCorrupt(topic, seq, "altered"))
  try {
    return Result.succeed({
      ...rest,
      event: JSON.parse(event) as Schema.Json,
      open: open ?? noOpenings,
      textSeqs: text_seqs ?? noTextSeqs,
      ...(via === null ? undefined : { via }),
      ...(answers === null ? undefined : { answers }),
      ...(signature === null ? undefined : { signature }),
      ...(command_hash === null ? undefined : { command_hash })
    })
  } catch {
    return Result.fail(logCorrupt(topic, seq, "altered"))
  }
}

/** A principal as JSON text. */
export const encodePrincipal = (principal: Principal): string => canonicalJson(principal)

/** An entry as a row to insert. */
export const rowFromEntry = (entry: AppendedEntry, { json, principalJson, texts }: StoredEvent) => {
  const {
    answers,
    at,
    cause,
    command_hash,
    depth,
    epoch,
    hash,
    prev,
    seq,
    signature,
    textSeqs,
    topic,
    version,
    via
  } = entry
  return {
    topic,
    epoch,
    seq,
    at,
    cause,
    principal: principalJson,
    via: via ?? null,
    answers: answers === undefined ? null : canonicalJson(answers),
    depth,
    version,
    event: json,
    open: encodeTexts(texts),
    text_seqs: textSeqs === noTextSeqs ? null : JSON.stringify(textSeqs),
    signature: signature === undefined ? null : canonicalJson(signature),
    command_hash: command_hash ?? null,
    prev,
    hash
  }
}

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

/**
 * The texts beside the logs, in SQL (TOP10): in the rows of the entries that hold their seals, and deleted once they are
 * erased.
 */
import { Array as Arr, Clock, Effect, Schema, Struct } from "effect"
import type { SqlClient, SqlError, Statement } from "effect/sql"
import { type EventAddress, TopicId } from "../../domain/protocol/Ids.ts"
import { noOpenings, type Opening, type Openings } from "../../domain/protocol/Seal.ts"
import type { TextAddress } from "../../domain/topic/Derivation.ts"
import { type Erased, isErased } from "../../domain/topic/Erasure.ts"
import type { AppendedEntry, StoredEvent } from "../../domain/topic/Log.ts"
import { asideTtl, type EventLog } from "../../services/EventLog.ts"
import * as LogFile from "../sql/LogFile.ts"
import { forKeys, insertRows } from "../sql/Rows.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { assertOpenings, isOpening, logCorrupt } from "./ChainVerification.ts"
import { encodeOpenings, fitsCommitments, logUnavailable, StoredOpenings } from "./EventLogRows.ts"

/** Texts are stored as JSON: every character may occur in one, and Postgres' text holds no NUL. */
const StoredText = Schema.fromJsonString(Schema.String)

const decodeAside = Schema.decodeUnknownExit(Schema.Struct({ c: Schema.String, salt: Schema.String, text: StoredText }))
const decodeOpenings = Schema.decodeUnknownExit(Schema.Struct({ seq: SafeInteger, open: StoredOpenings }))
const decodeErasedTexts = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  topic: TopicId,
  c: Schema.String,
  text: Schema.fromJsonString(Schema.NullOr(Schema.String)),
  erased_by: SafeInteger
})))
const decodeTextSeqs = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({ text_seqs: Schema.NullOr(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Natural))) })
  )
)
const decodeTopicIds = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ topic: TopicId })))

/** Entries whose texts are read at a time. */
const pageSize = 512

/** The openings beside these entries, which are in order. Nearly all entries of a range have texts, so one query reads them. */
const selectOpenings = (sql: SqlClient.SqlClient, topic: TopicId, seqs: Arr.NonEmptyReadonlyArray<number>) => {
  const select = (isAmong: Statement.Fragment) =>
    sql`SELECT seq, open FROM entries WHERE topic = ${topic} AND open IS NOT NULL AND ${isAmong}`
  const [first, last] = [Arr.headNonEmpty(seqs), Arr.lastNonEmpty(seqs)]
  return last - first < 4 * seqs.length
    ? select(sql`seq >= ${first} AND seq <= ${last}`)
    : forKeys(sql, "seq", seqs, select)
}

/** What stands beside these entries. A text that does not fit its commitment is damage (FLT5). */
export const readOpenings = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, topic: TopicId, seqs: ReadonlyArray<number>) {
    const wanted = new Set(seqs)
    const pages = Arr.chunksOf([...wanted].sort((a, b) => a - b), pageSize)
    const rows = yield* Effect.mapError(
      Effect.forEach(pages, (page) => selectOpenings(sql, topic, page)),
      logUnavailable("openings")
    )
    const openings = new Map<number, Openings>()
    for (const row of rows.flat()) {
      if (!wanted.has(Number(row["seq"]))) continue
      const decoded = decodeOpenings(row)
      const open = decoded._tag === "Success" ? decoded.value.open : null
      if (open === null || !fitsCommitments(open)) return yield* logCorrupt(topic, Number(row["seq"]), "altered")
      openings.set(Number(row["seq"]), open)
    }
    return openings
  }
)

/** The entries that texts of the entry `seq` stand beside, by commitment. */
const findTexts = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, { seq, topic }: EventAddress, commitments: ReadonlyArray<string>) {
    const [row] = yield* Effect.flatMap(
      sql`SELECT text_seqs FROM entries WHERE topic = ${topic} AND seq = ${seq}`,
      decodeTextSeqs
    )
    return new Map(commitments.map((c) => [c, row?.text_seqs?.[c] ?? seq]))
  }
)

/** The openings beside an entry, which no other server changes before the end of the transaction. */
const lockOpenings = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, { seq, topic }: EventAddress, lock: "SHARE" | "UPDATE") {
    const lockClause = sql.onDialectOrElse({ pg: () => sql.literal(`FOR ${lock}`), orElse: () => sql.literal("") })
    const [row] = yield* sql`SELECT seq, open FROM entries WHERE topic = ${topic} AND seq = ${seq} ${lockClause}`
    const decoded = decodeOpenings(row)
    return decoded._tag === "Success" ? decoded.value.open ?? noOpenings : noOpenings
  }
)

/** Takes the texts out of reach that an entry of its topic erases. */
const eraseTexts = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, { seq: by, topic }: EventAddress, { seq, texts }: Erased) {
    const seqs = yield* findTexts(sql, { topic, seq }, texts)
    for (const seq of new Set(seqs.values())) {
      const open = yield* lockOpenings(sql, { topic, seq }, "UPDATE")
      const erased = texts.filter((c) => seqs.get(c) === seq && open[c] !== undefined)
      if (erased.length === 0) continue
      const rows = erased.map((c) => ({ topic, erased_by: by, c, text: JSON.stringify(open[c]![1]) }))
      yield* insertRows(sql, "texts_erased", rows)
      const left = Struct.omit(open, erased)
      yield* sql`UPDATE entries SET open = ${encodeOpenings(Object.keys(left).length === 0 ? noOpenings : left)}
        WHERE topic = ${topic} AND seq = ${seq}`
    }
  }
)

const dropAside = (sql: SqlClient.SqlClient, topic: TopicId, commitments: ReadonlyArray<string>) =>
  forKeys(sql, "c", commitments, (isAmong) => sql`DELETE FROM texts_aside WHERE topic = ${topic} AND ${isAmong}`)

/**
 * Drops what was set aside and now stands beside an entry, and takes out of reach what entries erase. To be run in the append's
 * transaction, once its entries are there.
 */
export const changeTexts = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  entries: ReadonlyArray<AppendedEntry>,
  events: ReadonlyArray<StoredEvent>
) {
  for (const [i, entry] of entries.entries()) {
    const { aside } = events[i]!
    if (aside.length > 0) yield* dropAside(sql, entry.topic, aside)
    if (isErased(entry.event)) yield* eraseTexts(sql, entry, entry.event)
  }
})

/**
 * Notes what entries of a topic are made from; false, without a change, if one of those texts is not there any more. To be
 * run in the append's transaction.
 */
export const writeSources = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, topic: TopicId, sources: ReadonlyArray<TextAddress>) {
    const distinct = new Map(sources.map((source) => [`${source.topic} ${source.c}`, source]))
    for (const source of distinct.values()) {
      const seqs = yield* findTexts(sql, source, [source.c])
      // Locked, so that no other server erases it before this entry is there to be found.
      const open = yield* lockOpenings(sql, { topic: source.topic, seq: seqs.get(source.c)! }, "SHARE")
      if (open[source.c] === undefined) return false
    }
    const rows = Array.from(distinct.values(), ({ c, topic: source }) => ({ source, c, topic }))
    yield* insertRows(sql, "sources", rows, "ON CONFLICT (source, c, topic) DO NOTHING")
    return true
  }
)

/** The most erased texts that are worked on at a time. */
const erasedPage = 256

/** Drops what was set aside so long ago that no topic waits for it any more. */
export const dropForgotten = (sql: SqlClient.SqlClient) =>
  Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => sql`DELETE FROM texts_aside WHERE at < ${now - asideTtl}`
  )

type Texts = Pick<
  EventLog["Service"],
  "openings" | "openingsAside" | "setAside" | "dropAside" | "erasedTexts" | "derivedTopics" | "deleteErased"
>

/** The part of the event log that is about texts. */
export const make = (sql: SqlClient.SqlClient): Texts => ({
  openings: (topic, seqs) => readOpenings(sql, topic, seqs),
  openingsAside: Effect.fnUntraced(function*(topic, commitments) {
    const rows = yield* Effect.mapError(
      forKeys(
        sql,
        "c",
        commitments,
        (isAmong) => sql`SELECT c, salt, text FROM texts_aside WHERE topic = ${topic} AND ${isAmong}`
      ),
      logUnavailable("openingsAside")
    )
    const openings: Record<string, Opening> = {}
    for (const row of rows) {
      const decoded = decodeAside(row)
      if (decoded._tag === "Failure") return yield* logCorrupt(topic, 0, "altered")
      const { c, salt, text } = decoded.value
      if (!isOpening(c, [salt, text])) return yield* logCorrupt(topic, 0, "altered")
      openings[c] = [salt, text]
    }
    return openings
  }),
  setAside: (topic, openings, at) =>
    Effect.andThen(
      assertOpenings(topic, openings),
      insertRows(
        sql,
        "texts_aside",
        Object.entries(openings).map(([c, [salt, text]]) => ({ topic, c, at, salt, text: JSON.stringify(text) })),
        "ON CONFLICT (topic, c) DO NOTHING"
      ).pipe(sql.withTransaction, Effect.mapError(logUnavailable("setAside")))
    ),
  dropAside: (topic, commitments) =>
    Effect.asVoid(Effect.mapError(dropAside(sql, topic, commitments), logUnavailable("dropAside"))),
  erasedTexts: (last) =>
    sql`SELECT topic, c, text, erased_by FROM texts_erased
      WHERE (topic, erased_by, c) > (${last?.topic ?? ""}, ${last?.by ?? 0}, ${last?.c ?? ""})
      ORDER BY topic, erased_by, c LIMIT ${erasedPage}`.pipe(
      Effect.flatMap(decodeErasedTexts),
      Effect.mapError(logUnavailable("erasedTexts")),
      Effect.map((rows) => rows.map(({ erased_by, ...text }) => ({ ...text, by: erased_by })))
    ),
  derivedTopics: ({ c, topic }) =>
    sql`SELECT topic FROM sources WHERE source = ${topic} AND c = ${c} ORDER BY topic`.pipe(
      Effect.flatMap(decodeTopicIds),
      Effect.mapError(logUnavailable("derivedTopics")),
      Effect.map((rows) => rows.map((row) => row.topic))
    ),
  deleteErased: Effect.fnUntraced(
    function*(texts) {
      const changeEach = (change: (where: Statement.Fragment) => Effect.Effect<unknown, SqlError.SqlError>) =>
        sql.withTransaction(Effect.forEach(
          texts,
          ({ by, c, topic }) => change(sql`topic = ${topic} AND c = ${c} AND erased_by = ${by}`),
          { discard: true }
        ))
      // The rows are there until the files are clean, so that this is repeated if it fails.
      yield* changeEach((where) => sql`UPDATE texts_erased SET text = 'null' WHERE ${where}`)
      yield* LogFile.empty(sql)
      yield* changeEach((where) => sql`DELETE FROM texts_erased WHERE ${where}`)
    },
    Effect.mapError(logUnavailable("deleteErased"))
  )
})

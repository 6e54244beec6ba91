/** A 64-bit integer column. */
import { Schema, SchemaTransformation } from "effect"

/** SQLite returns 64-bit integers as numbers, Postgres as bigints; no stored value exceeds 2^53. */
export const SafeInteger = Schema.Union([Schema.Int, Schema.BigInt]).pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transform<number, number | bigint>({ decode: Number, encode: (n) => n })
  )
)

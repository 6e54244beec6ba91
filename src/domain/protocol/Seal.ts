/**
 * Seals: what hashes and signatures cover in place of a text, so that the text can be erased (TOP10).
 *
 * - The salt of a text is the first 22 characters of `hash("choir/salt/1\\n" + salt of the command + "\\n" + id of the command + "\\n" + path)`.
 * - Its commitment is `hash("choir/text/1\\n" + salt + "\\n" + text)`.
 * - The path is the JSON Pointer (RFC 6901) of the text in its command or answer.
 *
 * Who knows commitment and length but not the salt learns nothing by trying texts. `hash` is `Hash.HashFunction`.
 */
import { Schema, SchemaTransformation } from "effect"
import { Hash, type HashFunction, hashPattern } from "./Hash.ts"

/** What a log holds of a text. */
export const Seal = Schema.Struct({
  /** The commitment. */
  c: Hash,
  /** The length of the text in UTF-16 units. */
  n: Schema.Natural
})
export type Seal = typeof Seal.Type

const saltPattern = /^[A-Za-z0-9_-]{22}$/u

/** The salt of one text. */
export const Salt = Schema.String.check(Schema.isPattern(saltPattern))

/** What opens a seal: the salt and the text. */
export const Opening = Schema.Tuple([Salt, Schema.String])
export type Opening = typeof Opening.Type

const OpeningRecord = Schema.Record(Hash, Opening)

/** Openings by commitment. */
export type Openings = typeof OpeningRecord.Type

const isOpenings = (value: unknown): value is Openings => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  const openings = value as Readonly<Record<string, unknown>>
  for (const c in openings) {
    const opening = openings[c]
    if (!hashPattern.test(c) || !Array.isArray(opening) || opening.length !== 2) return false
    const [salt, text] = opening as ReadonlyArray<unknown>
    if (typeof salt !== "string" || !saltPattern.test(salt) || typeof text !== "string") return false
  }
  return true
}

const record = () => Schema.link<Openings>()(OpeningRecord, SchemaTransformation.passthrough())

/** `Openings`, checked by hand: a snapshot has thousands, for which the record's own parser takes ten times as long. */
export const Openings = Schema.declare(isOpenings, { toCodecJson: record, toCodecArbitrary: record })

/** No openings. */
export const noOpenings: Openings = {}

/** The commitment to a text under a salt. */
export const commitment = (hash: HashFunction, salt: string, text: string): string =>
  hash(`choir/text/1\n${salt}\n${text}`)

/** What the salts of a command's texts are made from. With the id, no two commands of a topic have the same commitment. */
export const saltSource = (commandSalt: string, commandId: string): string => `${commandSalt}\n${commandId}`

/** The salt of the text at a path of a command; not to be traced back to the command's salt. */
export const deriveSalt = (hash: HashFunction, source: string, path: string): string =>
  hash(`choir/salt/1\n${source}\n${path}`).slice(0, 22)

/** Whether an opening belongs to a seal. */
export const opens = (hash: HashFunction, [salt, text]: Opening, { c, n }: Seal): boolean =>
  text.length === n && commitment(hash, salt, text) === c

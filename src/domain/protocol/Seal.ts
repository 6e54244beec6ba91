/**
 * Seals: what hashes and signatures cover in place of a text, so that the text can be erased (TOP10).
 *
 * - The salt of a text is the first 22 characters of `hash("choir/salt/1\\n" + salt of the command + "\\n" + id of the command + "\\n" + path)`.
 * - Its commitment is `hash("choir/text/1\\n" + salt + "\\n" + text)`.
 * - The path is the JSON Pointer (RFC 6901) of the text in its command or answer.
 *
 * Who knows commitment and length but not the salt learns nothing by trying texts. `hash` is `Hash.HashFunction`.
 */
import { Schema } from "effect"
import { Hash, type HashFunction } from "./Hash.ts"

/** What a log holds of a text. */
export const Seal = Schema.Struct({
  /** The commitment. */
  c: Hash,
  /** The length of the text in UTF-16 units. */
  n: Schema.Natural
})
export type Seal = typeof Seal.Type

/** The salt of one text. */
export const Salt = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{22}$/u))

/** What opens a seal: the salt and the text. */
export const Opening = Schema.Tuple([Salt, Schema.String])
export type Opening = typeof Opening.Type

/** Openings by commitment. */
export const Openings = Schema.Record(Hash, Opening)
export type Openings = typeof Openings.Type

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

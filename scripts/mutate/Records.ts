/** Records that outlive a run: files of one JSON value per line. */
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readFileSync } from "node:fs"

/** The records of a file, by key; of two with one key the later counts. */
export const readRecords = <A>(file: string, keyOf: (record: A) => string): Map<string, A> => {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : []
  return new Map(lines.map((line) => JSON.parse(line) as A).map((record) => [keyOf(record), record]))
}

/** Appends a record. */
export const appendRecord = (file: string, record: object): void => appendFileSync(file, `${JSON.stringify(record)}\n`)

/** A hash of a file's text. */
export const hashFile = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16)

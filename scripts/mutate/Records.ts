/** Records that outlive a run: files of one JSON value per line. */
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readFileSync } from "node:fs"

/** The lines of a file; none when there is no such file. */
export const readLines = (file: string): ReadonlyArray<string> =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : []

/** The records of a file, in the order in which they were appended. */
export const readRecords = <A>(file: string): ReadonlyArray<A> => readLines(file).map((line) => JSON.parse(line) as A)

/** Appends a record. */
export const appendRecord = (file: string, record: object): void => appendFileSync(file, `${JSON.stringify(record)}\n`)

/** A hash of a text. */
export const hashText = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16)

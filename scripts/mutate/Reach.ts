/** Which tests reach a mutant, near ones first. Recorded once per test file, and again when the file changes. */
import type { Mutant } from "./Mutants.ts"

/** What one test file reached when it was last recorded. */
export interface ReachRecord {
  readonly test: string
  /** The hash of the test file. */
  readonly hash: string
  readonly ok: boolean
  readonly millis: number
  /** `file#point` of each point that it passed. */
  readonly points: ReadonlyArray<string>
}

const baseName = (file: string) => file.slice(file.lastIndexOf("/") + 1).replace(/(\.test)?\.ts$/, "")

/** How far a test is from a mutant: 0 for the file's own test, then its folder's, its tree's, and all others. */
export const distance = (mutant: Mutant, test: string): number => {
  const folders = mutant.file.replace(/^src/, "test").split("/")
  if (test.startsWith(folders.slice(0, -1).join("/")) && baseName(test) === baseName(mutant.file)) return 0
  if (test.startsWith(`${folders.slice(0, -1).join("/")}/`)) return 1
  return test.startsWith(`${folders.slice(0, 2).join("/")}/`) ? 2 : 3
}

/**
 * The tests that pass a mutant's point: its own first, then by distance, then the fast ones. Code that runs when a
 * module is loaded is reached by all tests that load it.
 */
export const reachingTests = (mutant: Mutant, records: ReadonlyArray<ReachRecord>): ReadonlyArray<ReachRecord> =>
  records.filter(({ ok, points }) => ok && points.includes(`${mutant.file}#${mutant.point}`))
    .map((record) => ({ record, far: distance(mutant, record.test) }))
    .sort((a, b) => a.far - b.far || a.record.millis - b.record.millis)
    .map(({ record }) => record)

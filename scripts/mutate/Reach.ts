/** Which mutants a test file reaches. Recorded once per test file, and again when the file or the drawn mutants change. */
import type { Mutant } from "./Mutants.ts"

/** What one test file reached when it was last recorded. */
export interface ReachRecord {
  readonly test: string
  /** The hash of the test file and of all drawn mutants. */
  readonly hash: string
  /** Whether it passes without a mutant. */
  readonly ok: boolean
  /** The duration of its tests without a mutant. */
  readonly millis: number
  /** The mutants whose code its tests ran. */
  readonly inTests: ReadonlyArray<string>
  /** The mutants whose code ran while modules were loaded, or in hooks. */
  readonly outside: ReadonlyArray<string>
}

const baseName = (file: string) => file.slice(file.lastIndexOf("/") + 1).replace(/(\.test)?\.ts$/, "")

/** How far a test is from a mutant: 0 for the file's own test, then its folder's, its tree's, and all others. */
export const distance = (mutant: Mutant, test: string): number => {
  const folders = mutant.file.replace(/^src/, "test").split("/")
  if (test.startsWith(folders.slice(0, -1).join("/")) && baseName(test) === baseName(mutant.file)) return 0
  if (test.startsWith(`${folders.slice(0, -1).join("/")}/`)) return 1
  return test.startsWith(`${folders.slice(0, 2).join("/")}/`) ? 2 : 3
}

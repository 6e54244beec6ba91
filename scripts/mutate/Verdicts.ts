/** What the tests made of each mutant. Kept in a file, so that a run that was stopped goes on where it was. */
import { readFileSync } from "node:fs"
import { appendRecord, hashText, readRecords } from "./Records.ts"

/** The result of one test file that was run with one mutant. */
export interface Verdict {
  /** The mutant's id. */
  readonly id: string
  readonly test: string
  /** The hash of the test file. */
  readonly hash: string
  /** `endless` when a test did not end within many times its usual duration. */
  readonly result: "passed" | "failed" | "endless"
}

/** The verdicts of a folder. */
export interface Verdicts {
  readonly add: (id: string, test: string, result: Verdict["result"]) => void
  /** The verdict that killed a mutant. */
  readonly killed: (id: string) => Verdict | undefined
  /** Whether the test, as it is now, has passed with the mutant. */
  readonly hasPassed: (id: string, test: string) => boolean
}

/** Reads the verdicts of a folder, and keeps new ones there. */
export const openVerdicts = (folder: string): Verdicts => {
  const file = `${folder}/verdicts.jsonl`
  const killed = new Map<string, Verdict>()
  const passed = new Set<string>()
  const hashes = new Map<string, string>()
  const hashOf = (test: string): string => {
    const hash = hashes.get(test) ?? hashText(readFileSync(test, "utf8"))
    hashes.set(test, hash)
    return hash
  }
  const note = (verdict: Verdict): void => {
    if (verdict.result === "passed") passed.add(`${verdict.id} ${verdict.test} ${verdict.hash}`)
    else if (!killed.has(verdict.id)) killed.set(verdict.id, verdict)
  }
  for (const verdict of readRecords<Verdict>(file)) note(verdict)
  return {
    add: (id, test, result) => {
      const verdict = { id, test, hash: hashOf(test), result }
      appendRecord(file, verdict)
      note(verdict)
    },
    killed: (id) => killed.get(id),
    hasPassed: (id, test) => passed.has(`${id} ${test} ${hashOf(test)}`)
  }
}

/** The command-line options of scripts. */
import { Result } from "effect"
import process from "node:process"

/** A positive integer of at most 15 digits. Throws with a sentence otherwise. */
export const parseInteger = (option: string, text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error(`--${option} must be a positive integer`)
  return Number(text)
}

/** What `parse` returns. If it throws, prints the sentence to stderr and ends the process with 1. */
export const parseOptions = <A>(parse: () => A): A =>
  Result.getOrElse(
    // Node appends advice to its own messages; only their first sentence is kept.
    Result.try({ try: parse, catch: (error) => (error as Error).message.split(/\.\s/, 1)[0] }),
    (sentence) => {
      process.stderr.write(`${sentence}: see --help.\n`)
      return process.exit(1)
    }
  )

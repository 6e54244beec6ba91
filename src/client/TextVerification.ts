/** Whether the texts that a server sends are those that the log has seals of (TOP10). */
import { commitment, type Openings } from "../domain/protocol/Seal.ts"
import { sha256 } from "./Sha256.ts"

/**
 * Of events and of a snapshot's texts, one of so many is hashed. To hash an event and its text (300 units) takes 26 + 13 µs in
 * Node, more in a browser; to read and fold it 8 + 13 µs.
 */
export const samplingInterval = 16

/**
 * Whether openings fit the seals in a value, as it is sent: each belongs to a seal, and its text has the length that the
 * seal states. Those that `isHashed` selects, by their place, must have the commitment that they are found under as well.
 */
export const verifyOpenings = (value: unknown, openings: Openings, isHashed: (index: number) => boolean): boolean => {
  const commitments = Object.keys(openings)
  if (commitments.length === 0) return true
  const opened = new Set<string>()
  return typeof value === "object" && value !== null && haveLengths(value, openings, opened) &&
    opened.size === commitments.length &&
    Object.values(openings).every(([salt, text], index) =>
      !isHashed(index) || commitment(sha256, salt, text) === commitments[index]
    )
}

/** Whether the openings of all seals in a value have their lengths; adds the commitments that have one to `opened`. */
const haveLengths = (value: object, openings: Openings, opened: Set<string>): boolean => {
  if ("c" in value && typeof value.c === "string" && "n" in value && Object.hasOwn(openings, value.c)) {
    opened.add(value.c)
    return openings[value.c]?.[1].length === value.n
  }
  const parts = value as Readonly<Record<string, unknown>>
  for (const key in parts) {
    const part = parts[key]
    // Most parts are no objects: to call for each would take twice the time.
    if (typeof part === "object" && part !== null && !haveLengths(part, openings, opened)) return false
  }
  return true
}

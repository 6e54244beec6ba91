/** Generates the ids of messages and connections (SYN1). */

/** The last three digits of an id: `toString(16)` per id would cost ten times as much. */
const lastDigits: ReadonlyArray<string> = Array.from(
  { length: 4096 },
  (_, value) => value.toString(16).padStart(3, "0")
)

/**
 * A generator of UUIDs (version 8, RFC 9562) that count up after a prefix of nine random bytes. These ids must be
 * unique, not unpredictable, and counting costs less than drawing 16 random bytes for each.
 */
export const sequentialUuids = (random: Uint8Array): () => string => {
  const hex = Array.from(random.subarray(0, 9), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const prefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 18)}-`
  // The smallest number of nine hexadecimal digits.
  let high = 0x1_0000_0000
  let highPrefix = prefix + high.toString(16)
  let low = 0
  return () => {
    if (low === lastDigits.length) {
      low = 0
      highPrefix = prefix + (++high).toString(16)
    }
    return highPrefix + lastDigits[low++]!
  }
}

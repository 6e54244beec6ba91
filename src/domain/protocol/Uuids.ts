/** Generates the ids of messages and connections (SYN1). */

/**
 * A generator of UUIDs (version 8, RFC 9562) that count up after a prefix of nine random bytes. These ids must be
 * unique, not unpredictable, and counting costs less than drawing 16 random bytes for each.
 */
export const sequentialUuids = (random: Uint8Array): () => string => {
  const hex = Array.from(random.subarray(0, 9), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const prefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 18)}-`
  // The smallest number of twelve hexadecimal digits.
  let count = 0x1000_0000_0000
  return () => prefix + (count++).toString(16)
}

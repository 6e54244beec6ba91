/** Ids for what the server says. */

/**
 * UUIDs (version 8) that count up under a prefix of nine random bytes: what the server says
 * needs names that never repeat, not names that cannot be guessed.
 */
export const sequentialUuids = (random: Uint8Array): () => string => {
  const hex = Array.from(random.subarray(0, 9), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const prefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 18)}-`
  // Twelve digits from the first on.
  let count = 0x1000_0000_0000
  return () => prefix + (count++).toString(16)
}

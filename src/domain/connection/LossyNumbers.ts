/**
 * Finds numbers that `JSON.parse` changes, which a message must not contain (SEC17): integers beyond 2^53, digits beyond
 * the precision of a double, and values that become zero.
 */

/** Numbers of 15 digits without an exponent are read as they are: only others are looked at. */
const mayBeLossy = /[[:,\s]-?(?:[\d.]{16}|[\d.]+[eE])/

/** Strings, to be skipped, and numbers. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g

/** Whether a valid JSON text has a number that is read as another one. Its cost is that of one scan of a pattern. */
export const hasLossyNumber = (json: string): boolean => {
  if (!mayBeLossy.test(json)) return false
  for (const [token] of json.matchAll(stringOrNumber)) if (!token.startsWith("\"") && isLossy(token)) return true
  return false
}

/** The most digits that `toExponential` writes. */
const maxDigits = 100

/**
 * An exact number is the same again when it is written with as many digits as it was sent with, or as JavaScript writes
 * it: with the fewest that identify it, of which the last may be rounded otherwise.
 */
const isLossy = (source: string): boolean => {
  const sent = significantDigits(source)
  const value = Number(source)
  if (sent === "") return false
  return sent.length > maxDigits ||
    significantDigits(value.toExponential(sent.length - 1)) !== sent && significantDigits(String(value)) !== sent
}

const mantissa = /^-?(\d+)(?:\.(\d+))?/

/**
 * The digits from the first to the last that is not zero; none for zero and for Infinity. A double is never ten times
 * the number that it was read from, so that numbers with the same digits have the same exponent too.
 */
const significantDigits = (number: string): string => {
  const [, whole = "", fraction = ""] = mantissa.exec(number) ?? []
  const all = whole + fraction
  let first = 0
  while (all.charAt(first) === "0") first += 1
  let end = all.length
  while (all.charAt(end - 1) === "0") end -= 1
  return all.slice(first, end)
}

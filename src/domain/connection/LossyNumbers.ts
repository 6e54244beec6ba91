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
  const sent = toScientific(source)
  const value = Number(source)
  if (sent.digits === "") return false
  return sent.digits.length > maxDigits ||
    !isSame(sent, toScientific(value.toExponential(sent.digits.length - 1))) &&
      !isSame(sent, toScientific(String(value)))
}

interface Scientific {
  readonly digits: string
  readonly exponent: number
}

const isSame = (a: Scientific, b: Scientific): boolean => a.digits === b.digits && a.exponent === b.exponent

const numberParts = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** The digits from the first to the last that is not zero, and the power of ten of the first; no digits for zero. */
const toScientific = (source: string): Scientific => {
  const [, whole = "", fraction = "", power = "0"] = numberParts.exec(source) ?? []
  const all = whole + fraction
  let first = 0
  while (all.charAt(first) === "0") first += 1
  let end = all.length
  while (end > first && all.charAt(end - 1) === "0") end -= 1
  return { digits: all.slice(first, end), exponent: Number(power) + whole.length - 1 - first }
}

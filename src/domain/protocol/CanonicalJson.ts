/** Canonical JSON (RFC 8785), the one encoding of everything that is hashed or signed. */

/**
 * The canonical JSON of a value: no white space, the keys of each object sorted by UTF-16 units. `undefined` fields are
 * left out. Values whose keys are sorted already cost little more than `JSON.stringify`.
 */
export const canonicalJson = (value: unknown): string => isSorted(value) ? JSON.stringify(value) : sortAndEncode(value)

const isSorted = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return true
  if (Array.isArray(value)) {
    for (const item of value) if (!isSorted(item)) return false
    return true
  }
  const fields = value as Readonly<Record<string, unknown>>
  let previous = ""
  for (const key in fields) {
    if (key < previous || !isSorted(fields[key])) return false
    previous = key
  }
  return true
}

const sortAndEncode = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(sortAndEncode).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${sortAndEncode(fields[key])}`).join(",")}}`
}

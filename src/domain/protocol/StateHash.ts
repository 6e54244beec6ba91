/**
 * An incremental hash of a topic's state: its cost is proportional to the change, not to the state (SYN7).
 *
 * Values are hashed by structure, as their JSON would compare: the order of keys is ignored, and an undefined key is
 * absent. Hashes of objects are cached by identity. The hash of an array or record is a sum over its parts, so that a
 * new version is hashed by subtracting and adding the parts that differ.
 *
 * It detects replicas that diverged by accident. It is not collision-resistant against an attacker.
 * Logs store hashes of commands (SYN4), and clients of every release compare them: the function must never change.
 */
import { HashMap, HashSet, Schema } from "effect"

/** A hash of 64 bits as 16 hexadecimal digits. */
export const StateHash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u))
export type StateHash = typeof StateHash.Type

/** Two lanes of 32 bits; addition wraps. */
interface Digest {
  readonly a: number
  readonly b: number
}

const digestCache = new WeakMap<object, Digest>()

/**
 * The hash of an immutable value (SYN7): JSON, a map, a set, or an object with a `toJSON`. If `previous` is an earlier version
 * that was hashed, each unchanged part of an array or record costs one comparison by identity.
 */
export const hashState = (value: unknown, previous?: unknown): StateHash => {
  const { a, b } = mixAt(seeds.root, digestValue(value, previous))
  return toHex(a) + toHex(b)
}

/** `hashState` of a value that is hashed once. Remembering it would cost more than hashing it. */
export const hashOnce = (value: unknown): StateHash => {
  const { a, b } = mixAt(seeds.root, digestUncached(value))
  return toHex(a) + toHex(b)
}

const toHex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")

// -- Mixing ------------------------------------------------------------------

/** An integer hash of 32 bits with good avalanche, a bijection. Source: C. Wellons, "lowbias32" (2018). */
const lowbias32 = (n: number): number => {
  let x = n ^ n >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return x ^ x >>> 16
}

/** Mixes a digest with its index or key, each lane into both. */
const mixAt = (place: number, { a, b }: Digest): Digest => {
  const x = lowbias32(a + Math.imul(place, 0x9e3779b1) | 0)
  const y = lowbias32((b ^ Math.imul(place, 0x85ebca77)) + x | 0)
  return { a: lowbias32(x + Math.imul(y, 0xc2b2ae3d) | 0), b: y }
}

const seeds = {
  root: 1,
  nullValue: 2,
  trueValue: 3,
  falseValue: 4,
  number: 5,
  string: 6,
  array: 7,
  record: 8,
  entries: 9,
  members: 10
}

const seedDigest = (seed: number, n = 0): Digest => mixAt(seed, { a: n, b: ~n })

const addDigests = (x: Digest, y: Digest): Digest => ({ a: x.a + y.a | 0, b: x.b + y.b | 0 })
const subtractDigests = (x: Digest, y: Digest): Digest => ({ a: x.a - y.a | 0, b: x.b - y.b | 0 })

const nullDigest = seedDigest(seeds.nullValue)
const trueDigest = seedDigest(seeds.trueValue)
const falseDigest = seedDigest(seeds.falseValue)

// -- Values ------------------------------------------------------------------

const digestValue = (value: unknown, previous?: unknown): Digest => {
  switch (typeof value) {
    case "string":
      return digestString(value)
    case "number":
      return digestNumber(value)
    case "boolean":
      return value ? trueDigest : falseDigest
    case "object":
      return value === null ? nullDigest : digestObject(value, previous)
    default:
      // Undefined, and values that JSON cannot represent.
      return nullDigest
  }
}

const float64 = new Float64Array(1)
const float64Words = new Uint32Array(float64.buffer)

const digestNumber = (value: number): Digest => {
  // JSON has one zero only: -0 becomes 0.
  float64[0] = value + 0
  return mixAt(seeds.number, { a: float64Words[0]!, b: float64Words[1]! })
}

const digestString = (value: string): Digest => {
  let a = value.length
  let b = ~value.length
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    a ^= a >>> 15
    b = Math.imul(b + unit | 0, 0x85ebca77)
    b ^= b >>> 13
  }
  return mixAt(seeds.string, { a, b })
}

const digestObject = (value: object, previous: unknown): Digest => {
  // Its parts are made anew each time.
  if (
    "toJSON" in value && typeof value.toJSON === "function" && !HashMap.isHashMap(value) && !HashSet.isHashSet(value)
  ) {
    return digestUncached(value.toJSON())
  }
  const cached = digestCache.get(value)
  if (cached !== undefined) return cached
  const computed = digestStructure(value, previous)
  digestCache.set(value, computed)
  return computed
}

const digestUncached = (value: unknown): Digest =>
  typeof value === "object" && value !== null ? digestStructure(value, undefined) : digestValue(value)

const digestStructure = (value: object, previous: unknown): Digest => {
  if (Array.isArray(value)) return digestArray(value, Array.isArray(previous) ? previous : [])
  if (HashMap.isHashMap(value) || value instanceof Map) return digestEntries(value)
  if (HashSet.isHashSet(value) || value instanceof Set) return digestMembers(value)
  return digestRecord(value, typeof previous === "object" && previous !== null ? previous : {})
}

/** The earlier version if its hash is cached; otherwise the empty value. */
const baselineOf = <T extends object>(
  previous: T,
  empty: T
): { readonly baseline: T; readonly sum: Digest | undefined } => {
  const sum = digestCache.get(previous)
  return sum === undefined ? { baseline: empty, sum } : { baseline: previous, sum }
}

const digestArray = (value: ReadonlyArray<unknown>, previous: ReadonlyArray<unknown>): Digest => {
  const { baseline, sum: baselineSum } = baselineOf(previous, [])
  let sum = baselineSum ?? seedDigest(seeds.array)
  for (let i = 0; i < value.length; i++) {
    const old = baseline[i]
    if (i < baseline.length) {
      if (old === value[i]) continue
      sum = subtractDigests(sum, mixAt(i, digestValue(old)))
    }
    sum = addDigests(sum, mixAt(i, digestValue(value[i], old)))
  }
  for (let i = value.length; i < baseline.length; i++) sum = subtractDigests(sum, mixAt(i, digestValue(baseline[i])))
  return sum
}

type Fields = Readonly<Record<string, unknown>>

const digestRecord = (value: object, previous: object): Digest => {
  const fields = value as Fields
  const { baseline, sum: baselineSum } = baselineOf<object>(previous, {})
  const baselineFields = baseline as Fields
  let sum = baselineSum ?? seedDigest(seeds.record)
  for (const key of Object.keys(fields)) {
    const newValue = fields[key]
    const oldValue = Object.hasOwn(baselineFields, key) ? baselineFields[key] : undefined
    if (newValue === oldValue) continue
    if (oldValue !== undefined) sum = subtractDigests(sum, digestField(key, digestValue(oldValue)))
    if (newValue !== undefined) sum = addDigests(sum, digestField(key, digestValue(newValue, oldValue)))
  }
  for (const key of Object.keys(baselineFields)) {
    if (baselineFields[key] !== undefined && !Object.hasOwn(fields, key)) {
      sum = subtractDigests(sum, digestField(key, digestValue(baselineFields[key])))
    }
  }
  return sum
}

const digestField = (key: string, value: Digest): Digest => {
  const keyDigest = digestString(key)
  return mixAt(keyDigest.a, { a: value.a ^ keyDigest.b, b: value.b })
}

/** Order is ignored. Not incremental: the cost is proportional to the number of entries. */
const digestEntries = (value: Iterable<readonly [unknown, unknown]>): Digest => {
  let sum = seedDigest(seeds.entries)
  for (const [key, entryValue] of value) {
    const keyDigest = digestValue(key)
    const valueDigest = digestValue(entryValue)
    sum = addDigests(sum, mixAt(keyDigest.a, { a: valueDigest.a ^ keyDigest.b, b: valueDigest.b }))
  }
  return sum
}

const digestMembers = (value: Iterable<unknown>): Digest => {
  let sum = seedDigest(seeds.members)
  for (const member of value) sum = addDigests(sum, mixAt(seeds.members, digestValue(member)))
  return sum
}

/**
 * A hash of a topic's state that costs in proportion to what changed (SYN7).
 *
 * Values are hashed by structure, as their JSON would compare: the order of
 * keys does not count, and a key that is undefined is not there. Every object
 * remembers its hash by identity, and the hash of a list or record is a sum
 * over its parts, so that a new version is hashed from an earlier one by the
 * parts that differ. It finds copies that drifted apart; it is no proof
 * against somebody who wants two states to look alike.
 *
 * Logs keep such hashes, of what commands asked, and clients of any age compare them: what a value hashes to must
 * never change.
 */
import { HashMap, Schema } from "effect"

/** 64 bits as 16 hex digits. */
export const StateHash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u))
export type StateHash = typeof StateHash.Type

/** Two lanes of 32 bits; sums of them wrap. */
interface Digest {
  readonly a: number
  readonly b: number
}

const known = new WeakMap<object, Digest>()

/**
 * The hash of a value that is never changed in place: JSON, and Effect's `HashMap`, `Map`, `Set` and whatever has a
 * `toJSON`. With `before`, an earlier version that was hashed too, lists and records cost a comparison of identities
 * for each part that stayed, and nothing more.
 */
export const of = (value: unknown, before?: unknown): StateHash => {
  const { a, b } = mix(seeds.whole, digest(value, before))
  return hex(a) + hex(b)
}

const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, "0")

// -- Mixing ------------------------------------------------------------------

/** Spreads every bit of a 32-bit number over all of them; a bijection. */
const scramble = (n: number): number => {
  let x = n ^ n >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return x ^ x >>> 16
}

/** A digest in a place: both lanes go into both lanes, each by a way of its own. */
const mix = (place: number, { a, b }: Digest): Digest => {
  const x = scramble(a + Math.imul(place, 0x9e3779b1) | 0)
  const y = scramble((b ^ Math.imul(place, 0x85ebca77)) + x | 0)
  return { a: scramble(x + Math.imul(y, 0xc2b2ae3d) | 0), b: y }
}

const seeds = { whole: 1, nothing: 2, yes: 3, no: 4, number: 5, text: 6, list: 7, record: 8, entries: 9, members: 10 }

const seeded = (seed: number, n = 0): Digest => mix(seed, { a: n, b: ~n })

const plus = (x: Digest, y: Digest): Digest => ({ a: x.a + y.a | 0, b: x.b + y.b | 0 })
const minus = (x: Digest, y: Digest): Digest => ({ a: x.a - y.a | 0, b: x.b - y.b | 0 })

const nothing = seeded(seeds.nothing)
const yes = seeded(seeds.yes)
const no = seeded(seeds.no)

// -- Values ------------------------------------------------------------------

const digest = (value: unknown, before?: unknown): Digest => {
  switch (typeof value) {
    case "string":
      return text(value)
    case "number":
      return number(value)
    case "boolean":
      return value ? yes : no
    case "object":
      return value === null ? nothing : object(value, before)
    default:
      // Undefined, and what JSON cannot say either.
      return nothing
  }
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

const number = (value: number): Digest => {
  // JSON knows one zero only.
  double[0] = value + 0
  return mix(seeds.number, { a: words[0]!, b: words[1]! })
}

const text = (value: string): Digest => {
  let a = value.length
  let b = ~value.length
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    a ^= a >>> 15
    b = Math.imul(b + unit | 0, 0x85ebca77)
    b ^= b >>> 13
  }
  return mix(seeds.text, { a, b })
}

const object = (value: object, before: unknown): Digest => {
  const had = known.get(value)
  if (had !== undefined) return had
  const found = structure(value, before)
  known.set(value, found)
  return found
}

const structure = (value: object, before: unknown): Digest => {
  if (Array.isArray(value)) return list(value, Array.isArray(before) ? before : [])
  if (HashMap.isHashMap(value) || value instanceof Map) return entries(value)
  if (value instanceof Set) return members(value)
  if ("toJSON" in value && typeof value.toJSON === "function") return digest(value.toJSON())
  return record(value, typeof before === "object" && before !== null ? before : {})
}

/** The earlier version, if its hash is known; otherwise nothing is gained by it. */
const starting = <T extends object>(before: T, none: T): { readonly from: T; readonly sum: Digest | undefined } => {
  const sum = known.get(before)
  return sum === undefined ? { from: none, sum } : { from: before, sum }
}

const list = (value: ReadonlyArray<unknown>, before: ReadonlyArray<unknown>): Digest => {
  const { from, sum: start } = starting(before, [])
  let sum = start ?? seeded(seeds.list)
  for (let i = 0; i < value.length; i++) {
    const had = from[i]
    if (i < from.length) {
      if (had === value[i]) continue
      sum = minus(sum, mix(i, digest(had)))
    }
    sum = plus(sum, mix(i, digest(value[i], had)))
  }
  for (let i = value.length; i < from.length; i++) sum = minus(sum, mix(i, digest(from[i])))
  return sum
}

type Fields = Readonly<Record<string, unknown>>

const record = (value: object, before: object): Digest => {
  const fields = value as Fields
  const { from, sum: start } = starting<object>(before, {})
  const had = from as Fields
  let sum = start ?? seeded(seeds.record)
  for (const key of Object.keys(fields)) {
    const now = fields[key]
    const then = Object.hasOwn(had, key) ? had[key] : undefined
    if (now === then) continue
    if (then !== undefined) sum = minus(sum, field(key, digest(then)))
    if (now !== undefined) sum = plus(sum, field(key, digest(now, then)))
  }
  for (const key of Object.keys(had)) {
    if (had[key] !== undefined && !Object.hasOwn(fields, key)) sum = minus(sum, field(key, digest(had[key])))
  }
  return sum
}

const field = (key: string, value: Digest): Digest => {
  const name = text(key)
  return mix(name.a, { a: value.a ^ name.b, b: value.b })
}

/** The order of entries and members does not count; these cost in proportion to their number. */
const entries = (value: Iterable<readonly [unknown, unknown]>): Digest => {
  let sum = seeded(seeds.entries)
  for (const [key, held] of value) {
    const name = digest(key)
    const inner = digest(held)
    sum = plus(sum, mix(name.a, { a: inner.a ^ name.b, b: inner.b }))
  }
  return sum
}

const members = (value: Iterable<unknown>): Digest => {
  let sum = seeded(seeds.members)
  for (const member of value) sum = plus(sum, mix(seeds.members, digest(member)))
  return sum
}

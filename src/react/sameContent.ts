/** Structural equality that is cheap for values which share most of their parts, as successive states of a topic do. */
import { Equal } from "effect"

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const hasSameFields = (self: object, that: object): boolean => {
  const keys = Object.keys(self)
  return keys.length === Object.keys(that).length &&
    keys.every((key) => Object.hasOwn(that, key) && sameContent(self[key as never], that[key as never]))
}

const hasSameEntries = (self: ReadonlyMap<unknown, unknown>, that: ReadonlyMap<unknown, unknown>): boolean =>
  self.size === that.size && [...self].every(([key, value]) => that.has(key) && sameContent(value, that.get(key)))

/**
 * Whether two values are the same, or hold the same parts: elements of arrays, fields of plain objects, values of maps,
 * and what `Equal.equals` makes of all else. Unlike that it hashes and caches nothing. A part that both values share is
 * not looked into, so that the cost follows the difference. Values must not contain themselves.
 */
export const sameContent = (self: unknown, that: unknown): boolean => {
  if (self === that || Object.is(self, that)) return true
  if (typeof self !== "object" || typeof that !== "object" || self === null || that === null) return false
  if (Array.isArray(self)) {
    return Array.isArray(that) && self.length === that.length &&
      self.every((element, index) => sameContent(element, that[index]))
  }
  if (self instanceof Map) return that instanceof Map && hasSameEntries(self, that)
  return isPlain(self) && isPlain(that) ? hasSameFields(self, that) : Equal.equals(self, that)
}

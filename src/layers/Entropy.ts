/**
 * Where what is random comes from, so that a seeded run makes the same again:
 * unique names from the `Random` service, secrets from `Bytes`.
 */
import { Context, type Random } from "effect"
import { randomBytes } from "node:crypto"

/** Bytes that nobody can guess: `node:crypto`'s, unless a simulation brings its own. */
export const Bytes = Context.Reference<(count: number) => Uint8Array>("choir/layers/Entropy/Bytes", {
  defaultValue: () => randomBytes
})

type Source = Random.Random

/** 32 random bits. */
export const word = (random: Source): number => Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000)

const hex = (random: Source): string => word(random).toString(16).padStart(8, "0")

/** 128 random bits as hex digits. */
export const hex128 = (random: Source): string => hex(random) + hex(random) + hex(random) + hex(random)

/** A version 4 UUID. */
export const uuid = (random: Source): string => {
  const digits = hex128(random)
  const variant = "89ab"[word(random) & 3]
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-` +
    digits.slice(20)
}

/**
 * Sources of randomness that a simulation can seed: unique ids from the `Random`
 * service, secrets from `RandomBytes`.
 */
import { Context, type Random } from "effect"
import { randomBytes } from "node:crypto"

/** Cryptographically secure random bytes: `node:crypto`'s, unless a simulation replaces them. */
export const RandomBytes = Context.Reference<(count: number) => Uint8Array>(
  "choir/layers/runtime/Entropy/RandomBytes",
  {
    defaultValue: () => randomBytes
  }
)

/** Bytes of one salt, and how many of them are drawn at once: a draw costs as much as hashing several texts. */
const saltBytes = 24
const saltsPerDraw = 256

/** Makes a source of salts: 192 random bits as 32 characters of base64url, each used once. */
export const makeSalts = (randomBytes: (count: number) => Uint8Array): () => string => {
  let pool = Buffer.alloc(0)
  let next = 0
  return () => {
    if (next === pool.length) {
      pool = Buffer.from(randomBytes(saltBytes * saltsPerDraw))
      next = 0
    }
    const salt = pool.toString("base64url", next, next + saltBytes)
    next += saltBytes
    return salt
  }
}

type RandomSource = Random.Random

/** 32 random bits. */
export const randomUint32 = (random: RandomSource): number => Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000)

const randomHex32 = (random: RandomSource): string => randomUint32(random).toString(16).padStart(8, "0")

/** 128 random bits as hex digits. */
export const randomHex128 = (random: RandomSource): string =>
  randomHex32(random) + randomHex32(random) + randomHex32(random) + randomHex32(random)

/** A version 4 UUID (RFC 9562). */
export const randomUuid = (random: RandomSource): string => {
  const digits = randomHex128(random)
  const variant = "89ab"[randomUint32(random) & 3]
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-` +
    digits.slice(20)
}

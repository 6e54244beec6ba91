/**
 * Which Ed25519 keys are accepted as users (AUT1, SEC4), and the challenge that a user signs. Pure arithmetic on the 32
 * bytes of the key; signatures are verified by `Sessions`, and only for keys accepted here.
 */
import { Exit, Schema } from "effect"
import type { Instant, UserId } from "../protocol/Ids.ts"
import type { Challenge } from "../protocol/Protocol.ts"

const decodeBytes = Schema.decodeExit(Schema.Uint8ArrayFromBase64Url)
const encodeBytes = Schema.encodeSync(Schema.Uint8ArrayFromBase64Url)

/** The bytes of unpadded base64url, or undefined unless the text is their canonical encoding. */
export const decodeBase64Url = (text: string): Uint8Array | undefined => {
  const decoded = decodeBytes(text)
  return Exit.isSuccess(decoded) && encodeBytes(decoded.value) === text ? decoded.value : undefined
}

/** The field of Ed25519: integers modulo 2^255 - 19. */
const fieldPrime = 2n ** 255n - 19n

/**
 * SEC4: whether the key is the canonical encoding of a point that is not of small order. For the eight points of small
 * order one signature is valid for many messages, so that such a key proves nothing.
 *
 * A point is of small order if its y is 1, -1 or 0 (orders 1, 2, 4), or if doubling it gives y = 0 (order 8): on
 * -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032) that means y^2 = -x^2, hence d y^4 + 2 y^2 - 1 = 0, with d = -121665/121666.
 */
export const isValidPublicKey = (key: UserId): boolean => {
  const bytes = decodeBase64Url(key)
  if (bytes === undefined || bytes.length !== 32) return false
  let y = 0n
  for (let i = 31; i >= 0; i--) y = y << 8n | BigInt(i === 31 ? bytes[i]! & 0x7f : bytes[i]!)
  if (y >= fieldPrime || y === 0n || y === 1n || y === fieldPrime - 1n) return false
  const y2 = y * y % fieldPrime
  return (121_665n * y2 * y2 - 243_332n * y2 + 121_666n) % fieldPrime !== 0n
}

/** AUT1: whether a challenge may be answered at `now`: from its issue, and before it expires. */
export const isUnexpired = (challenge: Challenge, now: Instant): boolean =>
  now >= challenge.issued_at && now < challenge.expires_at

/** SEC26: the format check before any curve arithmetic: 64 bytes as canonical base64url. */
export const isSignature = (text: string): boolean => /^[A-Za-z0-9_-]{85}[AQgw]$/.test(text)

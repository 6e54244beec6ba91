/** Random tokens, their hashes, and Ed25519 verification, by node:crypto. Which keys are accepted is `Identity`'s. */
import { Effect } from "effect"
import { createHmac, createPublicKey, hash, type KeyObject, verify as verifySignature } from "node:crypto"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { type Challenge, challengeSigningInput } from "../../domain/protocol/Protocol.ts"
import { isSignature, isValidPublicKey } from "../../domain/session/Identity.ts"

/** 32 random bytes as base64url, for a nonce or a session token. */
export const newToken = (bytes: (count: number) => Uint8Array): string => Buffer.from(bytes(32)).toString("base64url")

/** The SHA-256 of a token as base64url. Only this is stored, so that reading the store opens no session. */
export const hashToken = (token: string): string => hash("sha256", token, "base64url")

/** Characters of the first token of a family. The others begin with it, and so name their family. */
const firstTokenLength = 43

/** The id of a token's family: the hash of its first token. Undefined for a text that was never issued as a token. */
export const familyIdOf = (token: string): string | undefined =>
  /^[\w-]{43}(?:[\w-]{43})?$/.test(token) ? hashToken(token.slice(0, firstTokenLength)) : undefined

/**
 * The successor of a token: the first token of the family, and an HMAC-SHA-256 of the token. Who has only the token or only
 * the key, which is stored, cannot tell the successor; who has both gets the same one each time.
 */
export const successorOf = (token: string, successorKey: string): string =>
  token.slice(0, firstTokenLength) + createHmac("sha256", successorKey).update(token).digest("base64url")

/** Whether `signature` is `publicKey`'s over a challenge (AUT1). */
export const verifyChallenge = (challenge: Challenge, publicKey: UserId, signature: string): Effect.Effect<boolean> =>
  verifyText(challengeSigningInput(challenge, publicKey), publicKey, signature)

/** Whether `signature` is `publicKey`'s over a text. Format checks come first (SEC26); the thread pool verifies. */
export const verifyText = (text: string, publicKey: UserId, signature: string): Effect.Effect<boolean> =>
  isValidPublicKey(publicKey) && isSignature(signature)
    ? Effect.callback((resume) => {
      const key = importKey(publicKey)
      if (key === undefined) return resume(Effect.succeed(false))
      verifySignature(
        null,
        Buffer.from(text),
        key,
        Buffer.from(signature, "base64url"),
        (error, valid) => resume(Effect.succeed(error === null && valid))
      )
    })
    : Effect.succeed(false)

const importKey = (publicKey: UserId): KeyObject | undefined => {
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" })
  } catch {
    return undefined // Not a point of the curve.
  }
}

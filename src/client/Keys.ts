/**
 * Ed25519 keys on WebCrypto (AUT1): made, written down as text, read back.
 * Works in Node and in current browsers; holds nothing itself.
 */
import { Effect, Layer } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Base64Url from "effect/encoding/Base64Url"
import { UserId } from "../domain/protocol/Ids.ts"
import { ClientError, errorReason } from "./ClientError.ts"

/** Somebody who can sign. The private key need not be readable. */
export interface Identity {
  readonly publicKey: UserId
  /** The signature over the UTF-8 bytes of a text, as base64url. */
  readonly sign: (text: string) => Effect.Effect<string, ClientError>
}

const signatureLayer = Signature.layerWebCrypto.pipe(Layer.provide(SecureRandom.layerWebCrypto))

const keyUnusable = (message: string) => new ClientError({ reason: errorReason("key_unusable", message) })

/** How a secret key begins when it is written down, so that people and tools know it for what it is. */
const secretPrefix = "choir_sk_"

/** A new secret, as text: whoever has it is this user. */
export const generateSecret: Effect.Effect<string> = Effect.sync(() =>
  secretPrefix + Base64Url.encode(SecureRandom.randomBytesUnsafe(32))
)

/** The 32 bytes of a secret that was written down. */
export const decodeSecret = (secret: string): Effect.Effect<Uint8Array, ClientError> => {
  const text = secret.trim()
  const seed = Base64Url.decode(text.startsWith(secretPrefix) ? text.slice(secretPrefix.length) : "")
  return seed._tag === "Success" && seed.success.length === 32
    ? Effect.succeed(seed.success)
    : Effect.fail(keyUnusable(`This is not a Choir key: one starts with ${secretPrefix} and has 43 more characters.`))
}

/** The user behind a secret. */
export const fromSecret = Effect.fnUntraced(
  function*(secret: string) {
    const seed = yield* decodeSecret(secret)
    const signature = yield* Signature.Signature
    const privateKey = yield* Signature.privateKey(Signature.ed25519, seed)
    const publicKey = yield* signature.publicKeyOf(privateKey)
    const identity: Identity = {
      publicKey: UserId.make(Base64Url.encode(yield* Signature.toBytes(publicKey))),
      sign: (text) =>
        signature.sign(privateKey, new TextEncoder().encode(text)).pipe(
          Effect.map(Base64Url.encode),
          Effect.mapError(() => keyUnusable("The key could not sign."))
        )
    }
    return identity
  },
  Effect.catchTag("CryptoError", () => Effect.fail(keyUnusable("Ed25519 keys do not work here."))),
  Effect.provide(signatureLayer)
)

/**
 * Ed25519 keys on WebCrypto: generating, encoding as text, decoding, signing (AUT1). A user is a public key; the
 * secret text is everything that is needed to act as that user.
 *
 * **When to use**
 *
 * Use `generateSecret` and `fromSecret` where the program may hold the secret: servers, command lines, tests. In a
 * browser, implement `Identity` on a non-extractable `CryptoKey` instead.
 *
 * **Details**
 *
 * - A secret is `choir_sk_` and the 32-byte seed of the key in base64url. The prefix lets secret scanners find it.
 * - Works in Node and in browsers with Ed25519 in WebCrypto, which need a secure context (https or localhost).
 *
 * **Gotchas**
 *
 * - Nothing is stored. A lost secret cannot be recovered: its user is lost with it.
 * - An attestation is no secret, and no proof: the agent proves its own key beside it. It is valid for one server.
 *
 * **Example** (Storing a key as text)
 *
 * ```ts
 * import { Keys } from "choir/client"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const secret = yield* Keys.generateSecret
 *   const identity = yield* Keys.fromSecret(secret)
 *   const restored = yield* Keys.fromSecret(secret)
 *   console.log(identity.publicKey === restored.publicKey) // => true
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * **Example** (Letting an agent write to threads for a day, for 5,000 tokens at most)
 *
 * ```ts
 * import { Keys } from "choir/client"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const owner = yield* Keys.fromSecret(yield* Keys.generateSecret)
 *   const agent = yield* Keys.fromSecret(yield* Keys.generateSecret)
 *   const attestation = yield* Keys.attest(owner, {
 *     agent: agent.publicKey,
 *     audience: "https://choir.example",
 *     topics: ["thread:*"],
 *     commands: ["submit_message", "submit_prompt"],
 *     budget: 5_000,
 *     expires_at: Date.now() + 24 * 60 * 60_000
 *   })
 *   console.log(attestation.owner === owner.publicKey) // => true
 *   // The agent's program: Client.make({ url, identity: agent, attestation, kinds })
 * })
 *
 * await Effect.runPromise(program)
 * ```
 */
import { Clock, Effect, Layer } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Base64Url from "effect/encoding/Base64Url"
import { UserId } from "../domain/protocol/Ids.ts"
import type { Attestation } from "../domain/protocol/Principal.ts"
import { signingInput } from "../domain/session/Attestation.ts"
import { ClientError, errorReason } from "./ClientError.ts"

/** A user's key pair, as much as signing needs. The private key need not be readable. */
export interface Identity {
  readonly publicKey: UserId
  /** The Ed25519 signature over the UTF-8 bytes of a text, as base64url. */
  readonly sign: (text: string) => Effect.Effect<string, ClientError>
}

const signatureLayer = Signature.layerWebCrypto.pipe(Layer.provide(SecureRandom.layerWebCrypto))

const keyUnusable = (message: string) => new ClientError({ reason: errorReason("key_unusable", message) })

const secretPrefix = "choir_sk_"
const seedBytes = 32

/** A new random secret, as text. */
export const generateSecret: Effect.Effect<string> = Effect.sync(() =>
  secretPrefix + Base64Url.encode(SecureRandom.randomBytesUnsafe(seedBytes))
)

/** The 32-byte seed in a secret's text; surrounding whitespace is ignored. Fails with `key_unusable`. */
export const decodeSecret = (secret: string): Effect.Effect<Uint8Array, ClientError> => {
  const text = secret.trim()
  const seed = Base64Url.decode(text.startsWith(secretPrefix) ? text.slice(secretPrefix.length) : "")
  return seed._tag === "Success" && seed.success.length === seedBytes
    ? Effect.succeed(seed.success)
    : Effect.fail(keyUnusable(`This is not a Choir key. A key is ${secretPrefix} followed by 43 characters.`))
}

/** The identity of a secret. Fails with `key_unusable` if the text is no secret or WebCrypto has no Ed25519. */
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
          Effect.mapError(() => keyUnusable("Signing with this key failed."))
        )
    }
    return identity
  },
  Effect.catchTag("CryptoError", () => Effect.fail(keyUnusable("This runtime does not support Ed25519 keys."))),
  Effect.provide(signatureLayer)
)

/** What an owner allows an agent; the defaults allow every command to every topic, without a budget of its own. */
export interface AttestationOptions extends Pick<Attestation, "agent" | "audience" | "expires_at"> {
  readonly topics?: Attestation["topics"]
  readonly commands?: Attestation["commands"]
  readonly budget?: number | null
  /** Default: now. */
  readonly issued_at?: number
}

/**
 * An attestation by which the agent's client acts for `owner` (AUT8), until it expires or the owner sends `revoke_agent` to
 * their topic `user:<key>`. `audience` is the server's, as its challenges and `init` name it.
 */
export const attest = Effect.fnUntraced(function*(
  owner: Identity,
  { budget = null, commands = [], issued_at, topics = [], ...options }: AttestationOptions
) {
  const fields = {
    ...options,
    budget,
    commands,
    issued_at: issued_at ?? (yield* Clock.currentTimeMillis),
    owner: owner.publicKey,
    topics
  }
  const signature = yield* owner.sign(signingInput(fields))
  const attestation: Attestation = { ...fields, signature }
  return attestation
})

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createPublicKey, verify } from "node:crypto"
import { Keys } from "../../src/client/index.ts"
import { challengeSigningInput, type ServerMessageOf } from "../../src/domain/protocol/Protocol.ts"

describe("Keys", () => {
  it.effect("[AUT1] signs the text of a challenge with the key of the secret", () =>
    Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      const challenge: Omit<ServerMessageOf<"challenge">, "_tag"> = {
        nonce: "bm9uY2U",
        audience: "a",
        origin: "",
        connection_id: "c",
        issued_at: 1,
        expires_at: 2
      }
      const text = challengeSigningInput(challenge, identity.publicKey)
      const signature = yield* identity.sign(text)
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: identity.publicKey }, format: "jwk" })
      assert.isTrue(verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url")))
    }))

  it.effect("[AUT1] text that is not a secret fails with `key_unusable`", () =>
    Effect.gen(function*() {
      const secret = yield* Keys.generateSecret
      const [exact, withWhitespace] = [yield* Keys.fromSecret(secret), yield* Keys.fromSecret(` ${secret}\n`)]
      assert.strictEqual(exact.publicKey, withWhitespace.publicKey)
      for (const text of ["", "choir_sk_", `${secret}AAAA`, secret.slice(9)]) {
        const error = yield* Effect.flip(Keys.fromSecret(text))
        assert.strictEqual(error.reason.code, "key_unusable")
        assert.match(error.reason.message, /^This is not a Choir key/)
      }
    }))
})

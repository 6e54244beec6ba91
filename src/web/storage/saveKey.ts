/** Stores a key in the browser. Apart from `KeyStore`, since few visits need what decodes a secret. */
import { Effect } from "effect"
import * as Keys from "../../client/Keys.ts"
import { announceChange, identityOf, requireSigning, signingUnavailable, type StoredKey, transact } from "./KeyStore.ts"

/** The PKCS#8 prefix of a 32-byte Ed25519 seed (RFC 8410). */
const pkcs8Prefix = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

/** Stores the key of a secret, replacing any other. */
export const saveKey = Effect.fnUntraced(function*(secret: string) {
  yield* requireSigning
  const { publicKey } = yield* Keys.fromSecret(secret)
  const seed = yield* Keys.decodeSecret(secret)
  const privateKey = yield* Effect.tryPromise({
    try: () => crypto.subtle.importKey("pkcs8", new Uint8Array([...pkcs8Prefix, ...seed]), "Ed25519", false, ["sign"]),
    catch: signingUnavailable
  })
  const stored: StoredKey = { publicKey, privateKey }
  yield* transact("readwrite", (keys) => keys.put(stored, "me"))
  yield* announceChange
  return identityOf(stored)
})

/**
 * Stores the user's key in IndexedDB as a non-extractable `CryptoKey`: scripts of this page can sign with it, but not
 * read it (AUT1). To use the key elsewhere, the user saves its secret when it is created.
 */
import { Effect, Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { ClientError, errorReason } from "../client/ClientError.ts"
import * as Keys from "../client/Keys.ts"
import { UserId } from "../domain/protocol/Ids.ts"

const keyUnusable = (message: string) => () => new ClientError({ reason: errorReason("key_unusable", message) })
const storageUnavailable = keyUnusable(
  "This browser does not allow the page to store a key. Private windows can cause this."
)
const signingUnavailable = keyUnusable(
  "This browser cannot sign with Ed25519 keys. Use a current browser, over https or on localhost."
)

/** The PKCS#8 prefix of a 32-byte Ed25519 seed (RFC 8410). */
const pkcs8Prefix = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

const StoredKey = Schema.Struct({ publicKey: UserId, privateKey: Schema.instanceOf(CryptoKey) })
type StoredKey = typeof StoredKey.Type

const identityOf = ({ privateKey, publicKey }: StoredKey): Keys.Identity => ({
  publicKey,
  sign: (text) =>
    Effect.tryPromise({
      try: () => crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)),
      catch: signingUnavailable
    }).pipe(Effect.map((signature) => Base64Url.encode(new Uint8Array(signature))))
})

const awaitRequest = <A>(request: IDBRequest<A>) =>
  Effect.callback<A, ClientError>((resume) => {
    request.addEventListener("success", () => resume(Effect.succeed(request.result)))
    request.addEventListener("error", () => resume(Effect.fail(storageUnavailable())))
  })

const openStore = (mode: IDBTransactionMode) =>
  Effect.try({
    try: () => {
      const request = indexedDB.open("choir", 1)
      request.addEventListener("upgradeneeded", () => request.result.createObjectStore("keys"))
      return request
    },
    catch: storageUnavailable
  }).pipe(
    Effect.flatMap(awaitRequest),
    Effect.map((database) => database.transaction("keys", mode).objectStore("keys"))
  )

const isStoredKey = Schema.is(StoredKey)

/** The stored key; undefined if there is none. */
export const load: Effect.Effect<Keys.Identity | undefined, ClientError> = openStore("readonly").pipe(
  Effect.flatMap((keys) => awaitRequest<unknown>(keys.get("me"))),
  Effect.map((stored) => isStoredKey(stored) ? identityOf(stored) : undefined)
)

/** Stores the key of a secret, replacing any other. */
export const save = Effect.fnUntraced(function*(secret: string) {
  const { publicKey } = yield* Keys.fromSecret(secret)
  const seed = yield* Keys.decodeSecret(secret)
  const privateKey = yield* Effect.tryPromise({
    try: () => crypto.subtle.importKey("pkcs8", new Uint8Array([...pkcs8Prefix, ...seed]), "Ed25519", false, ["sign"]),
    catch: signingUnavailable
  })
  const stored: StoredKey = { publicKey, privateKey }
  const keys = yield* openStore("readwrite")
  yield* awaitRequest(keys.put(stored, "me"))
  return identityOf(stored)
})

/** Deletes the stored key. Without a saved secret it cannot be recovered. */
export const remove: Effect.Effect<void, ClientError> = openStore("readwrite").pipe(
  Effect.flatMap((keys) => awaitRequest(keys.delete("me"))),
  Effect.asVoid
)

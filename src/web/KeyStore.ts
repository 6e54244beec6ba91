/**
 * The key that this browser keeps: in IndexedDB, as a `CryptoKey` that cannot
 * be read out again, not even by this page (AUT1). Whoever wants it elsewhere
 * saves its text when it is made.
 */
import { Effect, Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { ClientError, errorReason } from "../client/ClientError.ts"
import * as Keys from "../client/Keys.ts"
import { UserId } from "../domain/protocol/Ids.ts"

const keyUnusable = (message: string) => () => new ClientError({ reason: errorReason("key_unusable", message) })
const storageUnavailable = keyUnusable(
  "This browser does not let the page keep a key. A private window may be the reason."
)
const signingUnavailable = keyUnusable(
  "This browser cannot sign with Ed25519 keys here. It takes a current browser, and https or localhost."
)

/** What precedes the 32 bytes of an Ed25519 key in its PKCS#8 form (RFC 8410). */
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

/** The kept key, if there is one. */
export const load: Effect.Effect<Keys.Identity | undefined, ClientError> = openStore("readonly").pipe(
  Effect.flatMap((keys) => awaitRequest<unknown>(keys.get("me"))),
  Effect.map((stored) => isStoredKey(stored) ? identityOf(stored) : undefined)
)

/** Keeps the key behind a secret in place of any other. */
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

/** Forgets the key. Without its text it is gone for good. */
export const remove: Effect.Effect<void, ClientError> = openStore("readwrite").pipe(
  Effect.flatMap((keys) => awaitRequest(keys.delete("me"))),
  Effect.asVoid
)

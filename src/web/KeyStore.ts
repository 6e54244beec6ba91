/**
 * The key that this browser keeps: in IndexedDB, as a `CryptoKey` that cannot
 * be read out again, not even by this page (AUT1). Whoever wants it elsewhere
 * saves its text when it is made.
 */
import { Effect, Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { ClientError, fault } from "../client/Fault.ts"
import * as Keys from "../client/Keys.ts"
import { UserId } from "../domain/Ids.ts"

const unusable = (message: string) => () => new ClientError({ reason: fault("key_unusable", message) })
const cannotKeep = unusable("This browser does not let the page keep a key. A private window may be the reason.")
const cannotSign = unusable(
  "This browser cannot sign with Ed25519 keys here. It takes a current browser, and https or localhost."
)

/** What precedes the 32 bytes of an Ed25519 key in its PKCS#8 form (RFC 8410). */
const pkcs8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

const Kept = Schema.Struct({ publicKey: UserId, privateKey: Schema.instanceOf(CryptoKey) })
type Kept = typeof Kept.Type

const identityOf = ({ privateKey, publicKey }: Kept): Keys.Identity => ({
  publicKey,
  sign: (text) =>
    Effect.tryPromise({
      try: () => crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)),
      catch: cannotSign
    }).pipe(Effect.map((signature) => Base64Url.encode(new Uint8Array(signature))))
})

const answered = <A>(request: IDBRequest<A>) =>
  Effect.callback<A, ClientError>((resume) => {
    request.addEventListener("success", () => resume(Effect.succeed(request.result)))
    request.addEventListener("error", () => resume(Effect.fail(cannotKeep())))
  })

const store = (mode: IDBTransactionMode) =>
  Effect.try({
    try: () => {
      const request = indexedDB.open("choir", 1)
      request.addEventListener("upgradeneeded", () => request.result.createObjectStore("keys"))
      return request
    },
    catch: cannotKeep
  }).pipe(
    Effect.flatMap(answered),
    Effect.map((database) => database.transaction("keys", mode).objectStore("keys"))
  )

const isKept = Schema.is(Kept)

/** The kept key, if there is one. */
export const load: Effect.Effect<Keys.Identity | undefined, ClientError> = store("readonly").pipe(
  Effect.flatMap((keys) => answered<unknown>(keys.get("me"))),
  Effect.map((kept) => isKept(kept) ? identityOf(kept) : undefined)
)

/** Keeps the key behind a secret in place of any other. */
export const keep = Effect.fnUntraced(function*(secret: string) {
  const { publicKey } = yield* Keys.fromSecret(secret)
  const seed = yield* Keys.seedOf(secret)
  const privateKey = yield* Effect.tryPromise({
    try: () => crypto.subtle.importKey("pkcs8", new Uint8Array([...pkcs8, ...seed]), "Ed25519", false, ["sign"]),
    catch: cannotSign
  })
  const kept: Kept = { publicKey, privateKey }
  const keys = yield* store("readwrite")
  yield* answered(keys.put(kept, "me"))
  return identityOf(kept)
})

/** Forgets the key. Without its text it is gone for good. */
export const forget: Effect.Effect<void, ClientError> = store("readwrite").pipe(
  Effect.flatMap((keys) => answered(keys.delete("me"))),
  Effect.asVoid
)

/**
 * Stores the user's key in IndexedDB as a non-extractable `CryptoKey`: scripts of this page can sign with it, but not
 * read it (AUT1). To use the key elsewhere, the user saves its secret when it is created.
 */
import { Effect, Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { ClientError, errorReason } from "../../client/ClientError.ts"
import type { Identity } from "../../client/Keys.ts"
import { UserId } from "../../domain/protocol/Ids.ts"

const keyUnusable = (message: string) => () => new ClientError({ reason: errorReason("key_unusable", message) })
const storageUnavailable = keyUnusable(
  "This browser does not allow the page to store a key. Private windows and full disks can cause this."
)
const storageSilent = keyUnusable(
  "This browser's storage does not answer. Close other tabs of this page, and reload it."
)
/** Why a browser that cannot sign is of no use. */
export const signingUnavailable = keyUnusable(
  "This browser cannot sign with Ed25519 keys. Use a current browser, over https or on localhost."
)

/** Milliseconds after which storage that does not answer is given up. */
const storageTimeout = 10_000

/** A key as the browser keeps it. */
export interface StoredKey {
  readonly publicKey: UserId
  readonly privateKey: CryptoKey
}

const isUserId = Schema.is(UserId)

const isStoredKey = (value: unknown): value is StoredKey =>
  typeof value === "object" && value !== null && "publicKey" in value && isUserId(value.publicKey) &&
  "privateKey" in value && value.privateKey instanceof CryptoKey

/** The identity of a stored key. */
export const identityOf = ({ privateKey, publicKey }: StoredKey): Identity => ({
  publicKey,
  sign: (text) =>
    Effect.tryPromise({
      try: () => crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text)),
      catch: signingUnavailable
    }).pipe(Effect.map((signature) => Base64Url.encode(new Uint8Array(signature))))
})

/** Outside of a secure context browsers have neither `CryptoKey` nor `crypto.subtle`. */
export const requireSigning = Effect.suspend(() => isSecureContext ? Effect.void : Effect.fail(signingUnavailable()))

const openDatabase = Effect.callback<IDBDatabase, ClientError>((resume) => {
  const fail = () => resume(Effect.fail(storageUnavailable()))
  try {
    const request = indexedDB.open("choir", 1)
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore("keys"))
    request.addEventListener("success", () => resume(Effect.succeed(request.result)))
    request.addEventListener("error", fail)
    request.addEventListener("blocked", () => resume(Effect.fail(storageSilent())))
  } catch {
    fail()
  }
})

/** Runs one request in a transaction; succeeds once the transaction is complete, and thus stored. */
export const transact = <A>(mode: IDBTransactionMode, makeRequest: (keys: IDBObjectStore) => IDBRequest<A>) =>
  openDatabase.pipe(
    Effect.flatMap((database) =>
      Effect.callback<A, ClientError>((resume) => {
        const fail = () => resume(Effect.fail(storageUnavailable()))
        try {
          const transaction = database.transaction("keys", mode, { durability: "strict" })
          const request = makeRequest(transaction.objectStore("keys"))
          transaction.addEventListener("complete", () => resume(Effect.succeed(request.result)))
          transaction.addEventListener("error", fail)
          transaction.addEventListener("abort", fail)
        } catch {
          fail()
        }
      }).pipe(Effect.ensuring(Effect.sync(() => database.close())))
    ),
    Effect.timeoutOrElse({ duration: storageTimeout, orElse: () => Effect.fail(storageSilent()) })
  )

/** Tells the other tabs of this page that the stored key has changed. */
export const announceChange = Effect.sync(() => {
  const channel = new BroadcastChannel("choir-key")
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin, and no such argument
  channel.postMessage("changed")
  channel.close()
})

/** Calls back when another tab has stored or removed the key. Returns the unsubscribe. */
export const subscribe = (listener: () => void): () => void => {
  const channel = new BroadcastChannel("choir-key")
  channel.addEventListener("message", listener)
  return () => channel.close()
}

/** The stored key; undefined if there is none. */
export const load: Effect.Effect<Identity | undefined, ClientError> = requireSigning.pipe(
  Effect.andThen(transact<unknown>("readonly", (keys) => keys.get("me"))),
  Effect.map((stored) => isStoredKey(stored) ? identityOf(stored) : undefined)
)

/** Deletes a key, unless another one is stored by now. Without a saved secret it cannot be recovered. */
export const remove = (publicKey: UserId): Effect.Effect<void, ClientError> =>
  transact<unknown>("readwrite", (keys) => {
    const request = keys.get("me")
    request.addEventListener("success", () => {
      if (isStoredKey(request.result) && request.result.publicKey === publicKey) keys.delete("me")
    })
    return request
  }).pipe(Effect.andThen(announceChange))

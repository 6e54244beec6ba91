/** Real Ed25519 keys, derived from names, signing and checking on the spot. */
import { Effect } from "effect"
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify as check } from "node:crypto"
import type { Identity } from "../../src/client/Keys.ts"
import { UserId } from "../../src/domain/Ids.ts"

const header = Buffer.from("302e020100300506032b657004220420", "hex")

interface Key {
  readonly user: UserId
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const keys = new Map<string, Key>()
const byUser = new Map<string, Key>()

/** The key of a name; always the same. */
const keyOf = (name: string): Key => {
  const known = keys.get(name)
  if (known !== undefined) return known
  const seed = hash("sha256", `choir simulation ${name}`, "buffer")
  const privateKey = createPrivateKey({ key: Buffer.concat([header, seed]), format: "der", type: "pkcs8" })
  const publicKey = createPublicKey(privateKey)
  const key: Key = { user: UserId.make(publicKey.export({ format: "jwk" }).x ?? ""), privateKey, publicKey }
  keys.set(name, key)
  byUser.set(key.user, key)
  return key
}

export const userOf = (name: string): UserId => keyOf(name).user

export const identity = (name: string): Identity => {
  const { privateKey, user } = keyOf(name)
  return {
    publicKey: user,
    sign: (text) => Effect.sync(() => sign(null, Buffer.from(text), privateKey).toString("base64url"))
  }
}

export const verify = (text: string, user: string, signature: string): boolean => {
  const key = byUser.get(user)
  return key !== undefined && check(null, Buffer.from(text), key.publicKey, Buffer.from(signature, "base64url"))
}

/**
 * Real Ed25519 keys derived from user names, so that a replayed seed uses the same keys. Signs and verifies
 * synchronously: WebCrypto would settle its promises in an order that the simulator does not control.
 */
import { Effect } from "effect"
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify as check } from "node:crypto"
import type { Identity } from "../../../client/Keys.ts"
import { UserId } from "../../../domain/protocol/Ids.ts"

const pkcs8Header = Buffer.from("302e020100300506032b657004220420", "hex")

interface KeyPair {
  readonly user: UserId
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const keysByName = new Map<string, KeyPair>()
const keysByUser = new Map<string, KeyPair>()

/** The key pair of a name, the same in every run. */
const keyFor = (name: string): KeyPair => {
  const existing = keysByName.get(name)
  if (existing !== undefined) return existing
  const seed = hash("sha256", `choir simulation ${name}`, "buffer")
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Header, seed]), format: "der", type: "pkcs8" })
  const publicKey = createPublicKey(privateKey)
  const key: KeyPair = { user: UserId.make(publicKey.export({ format: "jwk" }).x ?? ""), privateKey, publicKey }
  keysByName.set(name, key)
  keysByUser.set(key.user, key)
  return key
}

/** The user id of a name: its public key. */
export const userIdOf = (name: string): UserId => keyFor(name).user

/** The client identity of a name. */
export const identity = (name: string): Identity => {
  const { privateKey, user } = keyFor(name)
  return {
    publicKey: user,
    sign: (text) => Effect.sync(() => sign(null, Buffer.from(text), privateKey).toString("base64url"))
  }
}

/** Verifies a signature of a user that this module created; false for an unknown user. */
export const verify = (text: string, user: string, signature: string): boolean => {
  const key = keysByUser.get(user)
  return key !== undefined && check(null, Buffer.from(text), key.publicKey, Buffer.from(signature, "base64url"))
}

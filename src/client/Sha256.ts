/** SHA-256 in browsers and Node alike, without waiting: WebCrypto's answer comes later. */
import { sha256 as digest } from "@noble/hashes/sha2.js"
import * as Base64Url from "effect/encoding/Base64Url"
import type { HashFunction } from "../domain/protocol/Hash.ts"

const encoder = new TextEncoder()

/** SHA-256 as the hash function of seals and entries. */
export const sha256: HashFunction = (text) => Base64Url.encode(digest(encoder.encode(text)))

/** Version 5 UUIDs (RFC 9562, section 5.5): the same name in the same namespace always gives the same id. */
import { createHash } from "node:crypto"

/** The UUID of `name` in `namespace` (16 bytes): SHA-1 of both, with version and variant set. */
export const uuidV5 = (namespace: Uint8Array, name: string): string => {
  const hash = createHash("sha1").update(namespace).update(name).digest()
  hash[6] = hash[6]! & 0x0f | 0x50
  hash[8] = hash[8]! & 0x3f | 0x80
  const hex = hash.toString("hex", 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
}

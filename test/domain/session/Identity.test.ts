import { assert, describe, it } from "@effect/vitest"
import { generateKeyPairSync } from "node:crypto"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import * as Identity from "../../../src/domain/session/Identity.ts"
import { malformedPoints, smallOrderPoints } from "../../support/SmallOrderPoints.ts"

const key = (hex: string) => UserId.make(Buffer.from(hex, "hex").toString("base64url"))

describe("Identity", () => {
  it.each(smallOrderPoints)("[SEC4] the point of small order %s is not accepted", (hex) => {
    assert.isFalse(Identity.isValidPublicKey(key(hex)))
  })

  it.each(malformedPoints)("[SEC4] its non-canonical encoding %s is not accepted", (hex) => {
    assert.isFalse(Identity.isValidPublicKey(key(hex)))
  })

  it("[SEC4] a y of p or more is not accepted", () => {
    for (let low = 0xed; low <= 0xff; low++) {
      assert.isFalse(Identity.isValidPublicKey(key(`${low.toString(16)}${"ff".repeat(30)}7f`)))
    }
  })

  it("[AUT1] generated Ed25519 keys are accepted", () => {
    for (let i = 0; i < 200; i++) {
      const { publicKey } = generateKeyPairSync("ed25519")
      assert.isTrue(Identity.isValidPublicKey(UserId.make(publicKey.export({ format: "jwk" }).x!)))
    }
  })

  it("[SEC4] a text that is not 32 bytes is no key", () => {
    for (const bytes of [0, 31, 33, 64]) {
      assert.isFalse(Identity.isValidPublicKey(Buffer.alloc(bytes, 7).toString("base64url") as UserId), `${bytes}`)
    }
    for (const text of ["", "A", `${"A".repeat(42)}B`, "not base64url"]) {
      assert.isFalse(Identity.isValidPublicKey(text as UserId), text)
    }
  })

  it("[SEC4] base64url decodes as Buffer decodes it, and only from its canonical encoding", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 37 + length & 0xff)
      assert.deepStrictEqual(Identity.decodeBase64Url(Buffer.from(bytes).toString("base64url")), bytes)
    }
    assert.isUndefined(Identity.decodeBase64Url("AB"))
    assert.isUndefined(Identity.decodeBase64Url("A"))
    assert.isUndefined(Identity.decodeBase64Url("AA=="))
  })

  it("[SEC26] the format check accepts only 64 bytes as canonical base64url", () => {
    assert.isTrue(Identity.isSignature("A".repeat(86)))
    assert.isFalse(Identity.isSignature("A".repeat(85)))
    assert.isFalse(Identity.isSignature(`${"A".repeat(85)}B`))
  })

  it("[AUT1] a challenge may be answered from its issue until it expires", () => {
    const challenge = { nonce: "n", audience: "a", origin: "", connection_id: "c", issued_at: 10, expires_at: 20 }
    assert.deepStrictEqual([9, 10, 19, 20].map((at) => Identity.isUnexpired(challenge, at)), [false, true, true, false])
  })
})

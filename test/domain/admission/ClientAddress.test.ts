import { assert, describe, it } from "@effect/vitest"
import { clientAddress, isSecure, type RequestSource } from "../../../src/domain/admission/ClientAddress.ts"

const source = (facts: Partial<RequestSource>): RequestSource => ({
  remoteAddress: "10.0.0.1",
  isEncrypted: false,
  forwardedFor: undefined,
  forwardedProto: undefined,
  ...facts
})

describe("ClientAddress", () => {
  it("[OPS9] without a trusted proxy the forwarded address is ignored", () => {
    assert.strictEqual(clientAddress(source({ forwardedFor: "203.0.113.9" }), []), "10.0.0.1")
    assert.strictEqual(clientAddress(source({ forwardedFor: "203.0.113.9" }), ["10.0.0.2"]), "10.0.0.1")
  })

  it("[OPS9] a trusted proxy's nearest hop is the client", () => {
    assert.strictEqual(clientAddress(source({ forwardedFor: "203.0.113.9" }), ["10.0.0.1"]), "203.0.113.9")
    assert.strictEqual(clientAddress(source({}), ["10.0.0.1"]), "10.0.0.1")
  })

  it("[OPS9] a client cannot choose its address by a header of its own", () => {
    const forged = source({ forwardedFor: "198.51.100.1, 203.0.113.9" })
    assert.strictEqual(clientAddress(forged, ["10.0.0.1"]), "203.0.113.9")
  })

  it("[OPS9] a chain of trusted proxies is followed to its end", () => {
    const chained = source({ forwardedFor: "203.0.113.9, 10.0.0.3, 10.0.0.2" })
    assert.strictEqual(clientAddress(chained, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]), "203.0.113.9")
    assert.strictEqual(clientAddress(source({ forwardedFor: "10.0.0.1" }), ["10.0.0.1"]), "10.0.0.1")
  })

  it("[OPS9] a proxy is recognised in every spelling of its address", () => {
    const mapped = source({ remoteAddress: "::ffff:10.0.0.1", forwardedFor: "::ffff:203.0.113.9" })
    assert.strictEqual(clientAddress(mapped, ["10.0.0.1"]), "203.0.113.9")
    const ipv6 = source({ remoteAddress: "2001:db8::1", forwardedFor: "203.0.113.9" })
    assert.strictEqual(clientAddress(ipv6, ["2001:DB8:0::1"]), "203.0.113.9")
  })

  it("[OPS9] a request is secure if this process terminated TLS, or a trusted proxy states it", () => {
    assert.isTrue(isSecure(source({ isEncrypted: true }), []))
    assert.isFalse(isSecure(source({}), ["10.0.0.1"]))
    assert.isTrue(isSecure(source({ forwardedProto: "https" }), ["10.0.0.1"]))
    assert.isFalse(isSecure(source({ forwardedProto: "https" }), []))
    assert.isFalse(isSecure(source({ forwardedProto: "http" }), ["10.0.0.1"]))
  })
})

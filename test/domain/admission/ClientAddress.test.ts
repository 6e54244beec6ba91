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

  it("[OPS9] [SEC24] ports, brackets and other spellings of one client are one address", () => {
    const of = (forwardedFor: string) => clientAddress(source({ forwardedFor }), ["10.0.0.0/8"])
    for (const hop of ["203.0.113.9:4711", "203.0.113.9:4712", "[::ffff:203.0.113.9]:80", "::ffff:cb00:7109"]) {
      assert.strictEqual(of(hop), "203.0.113.9", hop)
    }
    assert.strictEqual(of("[2001:DB8:0::1]:443"), of("2001:db8::1"))
    assert.strictEqual(clientAddress(source({ remoteAddress: "fe80::1%eth0" }), []), "fe80::1")
  })

  it("[OPS9] [SEC24] what names no address counts as the proxy that reported it", () => {
    assert.strictEqual(clientAddress(source({ forwardedFor: "unknown" }), ["10.0.0.1"]), "10.0.0.1")
    const behindTwo = source({ forwardedFor: "203.0.113.9, junk, 10.0.0.2:99" })
    assert.strictEqual(clientAddress(behindTwo, ["10.0.0.0/24"]), "10.0.0.2")
  })

  it("[OPS9] every proxy of a range is trusted, and none beside it", () => {
    const at = (remoteAddress: string) =>
      clientAddress(source({ remoteAddress, forwardedFor: "203.0.113.9" }), ["10.1.0.0/16"])
    assert.deepStrictEqual(["10.1.0.0", "10.1.255.255", "10.2.0.0", "10.0.255.255"].map(at), [
      "203.0.113.9",
      "203.0.113.9",
      "10.2.0.0",
      "10.0.255.255"
    ])
  })

  it("[OPS9] a request is secure if this process terminated TLS, or a trusted proxy states it", () => {
    assert.isTrue(isSecure(source({ isEncrypted: true }), []))
    assert.isFalse(isSecure(source({}), ["10.0.0.1"]))
    assert.isTrue(isSecure(source({ forwardedProto: "https" }), ["10.0.0.1"]))
    assert.isFalse(isSecure(source({ forwardedProto: "https" }), []))
    assert.isFalse(isSecure(source({ forwardedProto: "http" }), ["10.0.0.1"]))
  })
})

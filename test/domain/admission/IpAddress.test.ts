import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isIP } from "node:net"
import {
  canonicalAddress,
  ipVersion,
  isLoopback,
  rateLimitKey,
  unmapIpv4
} from "../../../src/domain/admission/IpAddress.ts"

const pieces = Arbitrary.array(
  Arbitrary.schema(
    Schema.Literals(["0", "1", "255", "256", "ffff", "12345", ":", "::", ".", "g", "1.2.3.4", "%a", "01"])
  ),
  { minLength: 1, maxLength: 12 }
)

describe("IpAddress", () => {
  it.prop("a text is an address exactly if Node parses it as one", { pieces }, ({ pieces }) => {
    for (const text of [pieces.join(""), pieces.join(":"), pieces.join(".")]) {
      assert.strictEqual(ipVersion(text), isIP(text), text)
    }
  }, { arbitrary: { runs: 2_000 } })

  it("every form of an address that RFC 4291 shows is one", () => {
    const forms = ["2001:db8::8:800:200c:417a", "ff01::101", "::1", "::", "::13.1.68.3", "::ffff:129.144.52.38", "1::"]
    for (const text of forms) assert.strictEqual(ipVersion(text), 6, text)
    for (const text of ["192.0.2.1", "0.0.0.0", "255.255.255.255"]) assert.strictEqual(ipVersion(text), 4)
    for (const text of ["1.2.3", "1.2.3.04", ":::", "1::2::3", "1:2:3:4:5:6:7", "localhost", ""]) {
      assert.strictEqual(ipVersion(text), 0, text)
    }
  })

  it("[SEC24] IPv4 addresses are counted one by one, however they are written", () => {
    assert.strictEqual(rateLimitKey("192.0.2.1"), "192.0.2.1")
    assert.strictEqual(rateLimitKey("::ffff:192.0.2.1"), "192.0.2.1")
    assert.strictEqual(rateLimitKey("::ffff:c000:201"), "192.0.2.1")
    assert.notStrictEqual(rateLimitKey("192.0.2.1"), rateLimitKey("192.0.2.2"))
  })

  it("[SEC24] IPv6 addresses are counted by /64, in every spelling", () => {
    const key = rateLimitKey("2001:db8:0:1::1")
    for (const same of ["2001:db8:0:1:ffff:2:3:4", "2001:0DB8:0000:1::", "2001:db8::1:0:0:0:9"]) {
      assert.strictEqual(rateLimitKey(same), key, same)
    }
    assert.notStrictEqual(rateLimitKey("2001:db8:0:2::1"), key)
  })

  it("[OPS9] spellings of one address are equal, a text that is no address is only equal to itself", () => {
    assert.strictEqual(canonicalAddress("2001:DB8::1"), canonicalAddress("2001:0db8:0:0:0:0:0:1"))
    assert.strictEqual(unmapIpv4("::FFFF:10.0.0.1"), "10.0.0.1")
    assert.strictEqual(unmapIpv4("::1"), "::1")
    assert.strictEqual(canonicalAddress("unknown"), "unknown")
  })

  it("[SEC39] loopback is 127.0.0.0/8, ::1 and localhost", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "localhost"]) {
      assert.isTrue(isLoopback(host), host)
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "2001:db8::1", "example.com", "127.evil.example"]) {
      assert.isFalse(isLoopback(host), host)
    }
  })
})

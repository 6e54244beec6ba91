import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { BlockList, isIP } from "node:net"
import {
  canonicalAddress,
  ipVersion,
  isAddressRange,
  isInRange,
  isLoopback,
  rateLimitKey,
  reportedAddress
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
    assert.strictEqual(canonicalAddress("::FFFF:10.0.0.1"), "10.0.0.1")
    assert.strictEqual(canonicalAddress("fe80::1%eth0"), canonicalAddress("fe80:0::1"))
    const shortest = ["::", "::1", "1::", "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1", "::a0:0:b:c0", "1:0:2:0:3:0:4:0"]
    for (const text of shortest) assert.strictEqual(canonicalAddress(text), text)
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

  it("[OPS9] a hop is an address with or without brackets and port", () => {
    for (const hop of ["192.0.2.1", "192.0.2.1:4711", "::ffff:192.0.2.1", "[::ffff:c000:201]:80"]) {
      assert.strictEqual(reportedAddress(hop), "192.0.2.1", hop)
    }
    for (const hop of ["2001:DB8::1", "[2001:db8::1]", "[2001:db8:0::1]:443", "2001:db8::1%eth0"]) {
      assert.strictEqual(reportedAddress(hop), canonicalAddress("2001:db8::1"), hop)
    }
    for (
      const hop of ["unknown", "_hidden", "", "192.0.2.1:", "192.0.2.1:x", "[192.0.2.1", "a:80", "[]:1", "1.2.3.4.5"]
    ) {
      assert.isUndefined(reportedAddress(hop), hop)
    }
  })

  it("[OPS9] a range is an address, or a prefix after which every bit is zero", () => {
    for (const text of ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/33", "::/0", "::1/128"]) {
      assert.isTrue(isAddressRange(text), text)
    }
    for (
      const text of ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "2001:db8::1/64", "::/129", "/8", "a/8"]
        .concat("10.0.0.1:80", "[::1]", "10.0.0.0/-1", "10.0.0.0/08x", "::ffff:10.0.0.0/104", "10.0.0")
    ) assert.isFalse(isAddressRange(text), text)
  })

  it("[OPS9] a text that is no address is in no range, and none is in a text that is no range", () => {
    for (const [address, range] of [["unknown", "0.0.0.0/0"], ["10.0.0.1", "10.0.0.0/33"], ["a", "b"], ["", ""]]) {
      assert.isFalse(isInRange(address!, range!))
    }
    assert.isFalse(isInRange("10.0.0.1", "::/0"))
    assert.isFalse(isInRange("::1", "0.0.0.0/0"))
  })

  const byte = Arbitrary.schema(Schema.Literals([0, 1, 10, 127, 128, 255]))
  const versions = [
    { type: "ipv4", bytes: 4, format: (bytes: ReadonlyArray<number>) => bytes.join(".") },
    {
      type: "ipv6",
      bytes: 16,
      format: (bytes: ReadonlyArray<number>) => Buffer.from(bytes).toString("hex").replace(/(.{4})(?=.)/g, "$1:")
    }
  ] as const
  for (const { bytes, format, type } of versions) {
    it.prop(`[OPS9] an ${type} address is in a range exactly if Node's BlockList says so`, {
      base: Arbitrary.array(byte, { minLength: bytes, maxLength: bytes }),
      address: Arbitrary.array(byte, { minLength: bytes, maxLength: bytes }),
      common: Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 4, 8, 15, 16])),
      bits: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: bytes * 8 })))
    }, ({ address, base, bits, common }) => {
      const first = base.map((value, n) => value & (0xff << 8 - Math.min(8, Math.max(0, bits - n * 8))) & 0xff)
      const near = [...base.slice(0, common), ...address.slice(common)]
      const reference = new BlockList()
      reference.addSubnet(format(first), bits, type)
      assert.strictEqual(
        isInRange(format(near), `${format(first)}/${bits}`),
        reference.check(format(near), type),
        `${format(near)} in ${format(first)}/${bits}`
      )
    }, { arbitrary: { runs: 1_000 } })
  }
})

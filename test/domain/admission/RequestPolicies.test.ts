/** The small policies of HTTP requests: time and size, TLS, credentials. */
import { assert, describe, it } from "@effect/vitest"
import { bearerToken, isHeaderTraced, pathOf, redactedParameters } from "../../../src/domain/admission/Credentials.ts"
import { mayBeOverLimit, parserLimits } from "../../../src/domain/admission/FrameLimits.ts"
import { requestLimits } from "../../../src/domain/admission/RequestLimits.ts"
import { contentSecurityPolicy, securityHeaders } from "../../../src/domain/admission/ResponseHeaders.ts"
import { mayListen, sendsStrictTransportSecurity, tlsPolicy } from "../../../src/domain/admission/TransportSecurity.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

describe("requestLimits", () => {
  it("[SEC23] headers have 10 s and a request 15 s, checked at least once a second", () => {
    const limits = requestLimits(defaults)
    assert.deepInclude(limits, { headersTimeout: 10_000, requestTimeout: 15_000 })
    assert.isAtMost(limits.checkInterval, 1_000)
    assert.strictEqual(requestLimits({ ...defaults, headersTimeout: 5 }).checkInterval, 5)
  })

  it("[SEC23] a request never has less time than its headers", () => {
    assert.strictEqual(requestLimits({ ...defaults, requestTimeout: 5_000 }).requestTimeout, 10_000)
  })

  it("[SEC28] a body is limited to 1 MiB by default, and to the setting", () => {
    assert.strictEqual(requestLimits(defaults).maxBodyBytes, 1_048_576)
    assert.strictEqual(requestLimits({ ...defaults, bodyBytes: 7 }).maxBodyBytes, 7)
  })
})

describe("TransportSecurity", () => {
  const plain = { host: "0.0.0.0", insecure: false, hasCertificate: false, trustedProxies: [] }

  it("[SEC39] plain HTTP beyond loopback is refused without a certificate, a trusted proxy, or CHOIR_INSECURE=1", () => {
    assert.isFalse(mayListen(plain))
    assert.isTrue(mayListen({ ...plain, host: "127.0.0.1" }))
    assert.isTrue(mayListen({ ...plain, insecure: true }))
    assert.isTrue(mayListen({ ...plain, hasCertificate: true }))
    assert.isTrue(mayListen({ ...plain, trustedProxies: ["10.0.0.1"] }))
  })

  it("[SEC39] HSTS is sent over TLS only, and never for localhost", () => {
    assert.isTrue(sendsStrictTransportSecurity(true, "choir.example"))
    assert.isFalse(sendsStrictTransportSecurity(false, "choir.example"))
    assert.isFalse(sendsStrictTransportSecurity(true, "localhost:4100"))
    assert.isTrue(sendsStrictTransportSecurity(true, "localhost.example"))
  })

  it("[SEC39] TLS 1.2 is the lowest version, and all of its ciphers have forward secrecy and AEAD", () => {
    assert.strictEqual(tlsPolicy.minVersion, "TLSv1.2")
    for (const cipher of tlsPolicy.ciphers.split(":")) {
      assert.match(cipher, /^(?:TLS_|ECDHE-)/)
      assert.match(cipher, /GCM|POLY1305/)
    }
  })
})

describe("ResponseHeaders", () => {
  it("[SEC31] the page loads nothing but its own origin's scripts, styles and images", () => {
    const directives = new Map(
      contentSecurityPolicy.split("; ").map((directive) => {
        const [name = "", ...sources] = directive.split(" ")
        return [name, sources] as const
      })
    )
    assert.deepStrictEqual(directives.get("default-src"), ["'none'"])
    assert.deepStrictEqual(directives.get("script-src"), ["'self'"])
    for (const sources of directives.values()) {
      for (const source of sources) assert.include(["'none'", "'self'", "ws:", "wss:", "data:"], source)
    }
  })

  it("[SEC39] a response has the security headers, and HSTS only when it is decided", () => {
    const plain = new Map(securityHeaders(false))
    assert.deepStrictEqual([plain.get("x-content-type-options"), plain.get("x-frame-options")], ["nosniff", "DENY"])
    assert.include(plain.get("content-security-policy"), "frame-ancestors 'none'")
    assert.isFalse(plain.has("strict-transport-security"))
    const strict = new Map(securityHeaders(true))
    assert.strictEqual(strict.get("strict-transport-security"), "max-age=31536000")
    for (const [name, value] of plain) assert.strictEqual(strict.get(name), value)
  })
})

describe("FrameLimits", () => {
  it("[SEC12] a message is limited to 64 KiB, in bytes", () => {
    assert.strictEqual(parserLimits(defaults).maxPayload, 65_536)
    // The longest encodings of the limit's bytes must be counted, and no text that fits for certain.
    assert.isTrue(mayBeOverLimit(21_846, defaults))
    assert.isFalse(mayBeOverLimit(21_845, defaults))
    assert.isAtMost(Buffer.byteLength("\u20ac".repeat(21_845)), defaults.frameBytes)
    assert.isAbove(Buffer.byteLength("\u20ac".repeat(21_846)), defaults.frameBytes)
  })

  it("[SEC13] a message has at most 64 fragments, and 1,024 buffered chunks", () => {
    assert.deepInclude(parserLimits(defaults), { maxFragments: 64, maxBufferedChunks: 1_024 })
  })
})

describe("Credentials", () => {
  it("[SEC5] the one credential of an HTTP request is its bearer token", () => {
    assert.strictEqual(bearerToken("Bearer abc_-9"), "abc_-9")
    assert.strictEqual(bearerToken("bearer abc"), "abc")
    for (const text of [undefined, "", "abc", "Basic abc", "Bearer ", "Bearer a b", `Bearer ${"a".repeat(513)}`]) {
      assert.isUndefined(bearerToken(text), text)
    }
  })

  it("[SEC5] routing does not see the query of a URL", () => {
    assert.strictEqual(pathOf("/ws?session_token=secret&x=1?2"), "/ws")
    assert.strictEqual(pathOf("/ws"), "/ws")
    assert.strictEqual(pathOf(undefined), "")
  })

  it("[SEC5] [SEC33] traces record no header and redact every query parameter", () => {
    for (const name of ["authorization", "cookie", "user-agent", "x-anything", "host"]) {
      assert.isFalse(isHeaderTraced(name), name)
    }
    for (const name of ["token", "session_token", "q", ""]) {
      assert.isTrue(redactedParameters.some((pattern) => pattern.test(name)), name)
    }
  })
})

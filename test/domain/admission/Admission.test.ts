import { assert, describe, it } from "@effect/vitest"
import {
  type AdmissionPolicy,
  type ConnectionCounts,
  decideAdmission,
  type UpgradeFacts
} from "../../../src/domain/admission/Admission.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const policy: AdmissionPolicy = { origins: [], nativeClients: true, trustedProxies: [] }
const request: UpgradeFacts = {
  remoteAddress: "192.0.2.1",
  isEncrypted: false,
  forwardedFor: undefined,
  forwardedProto: undefined,
  host: "127.0.0.1:4100",
  origin: undefined,
  protocols: undefined
}
const none: ConnectionCounts = { total: 0, ofKey: () => 0 }
const decide = (
  facts: Partial<UpgradeFacts>,
  settings: Partial<AdmissionPolicy> = {},
  { isOpen = true, counts = none } = {}
) => decideAdmission({ ...policy, ...settings }, defaults, { ...request, ...facts }, isOpen, counts)

const isAdmitted = (decision: ReturnType<typeof decide>) => typeof decision !== "string"

describe("decideAdmission", () => {
  it("[AUT6] [SEC6] an allow-list is compared exactly", () => {
    const allowed = { origins: ["https://choir.example"] }
    assert.isTrue(isAdmitted(decide({ origin: "https://choir.example" }, allowed)))
    const others = [
      "http://choir.example",
      "https://choir.example:444",
      "https://choir.example.evil.example",
      "https://evil-choir.example",
      "HTTPS://choir.example",
      "null",
      ""
    ]
    for (const origin of others) assert.strictEqual(decide({ origin }, allowed), "403 Forbidden", origin)
  })

  it("[AUT6] without a list only the same origin is allowed, by address or as localhost", () => {
    assert.isTrue(isAdmitted(decide({ origin: "http://127.0.0.1:4100" })))
    assert.isTrue(isAdmitted(decide({ origin: "http://localhost:1", host: "localhost:1" })))
    assert.isTrue(isAdmitted(decide({ origin: "http://[::1]:4100", host: "[::1]:4100" })))
    assert.isTrue(isAdmitted(decide({ origin: "https://127.0.0.1:4100", isEncrypted: true })))
    assert.strictEqual(decide({ origin: "https://127.0.0.1:4100" }), "403 Forbidden")
    assert.strictEqual(decide({ origin: "http://127.0.0.1:4101" }), "403 Forbidden")
  })

  it("[SEC6] a DNS name that points at the server is not the same origin", () => {
    assert.strictEqual(decide({ origin: "http://rebound.example", host: "rebound.example" }), "403 Forbidden")
  })

  it("[SEC6] a request without an Origin is admitted only if native clients are", () => {
    assert.isTrue(isAdmitted(decide({})))
    assert.strictEqual(decide({}, { nativeClients: false }), "403 Forbidden")
  })

  it("[SEC24] the total and the number per address are bounded, by 429", () => {
    const counts = (total: number, ofAddress: number): { readonly counts: ConnectionCounts } => ({
      counts: { total, ofKey: (key) => key === "192.0.2.1" ? ofAddress : 0 }
    })
    assert.isTrue(isAdmitted(decide({}, {}, counts(defaults.connections - 1, 63))))
    assert.strictEqual(decide({}, {}, counts(100, 64)), "429 Too Many Requests")
    assert.strictEqual(decide({}, {}, counts(defaults.connections, 0)), "429 Too Many Requests")
    assert.isTrue(isAdmitted(decide({ remoteAddress: "192.0.2.2" }, {}, counts(100, 64))), "another address")
  })

  it("[SEC24] [OPS9] behind a trusted proxy the forwarded address is counted", () => {
    const proxied = { trustedProxies: ["192.0.2.1"] }
    assert.deepStrictEqual(decide({ forwardedFor: "2001:db8:0:1::7" }, proxied), {
      address: "2001:db8:0:1::7",
      key: "2001:db8:0:1::/64"
    })
  })

  it("[SEC24] a rejected origin is not counted, and a closed server rejects with 503", () => {
    const counts: ConnectionCounts = { total: 0, ofKey: () => assert.fail("the counts are read last") }
    assert.strictEqual(decide({ origin: "http://evil.example" }, {}, { counts }), "403 Forbidden")
    assert.strictEqual(decide({}, {}, { isOpen: false, counts }), "503 Service Unavailable")
  })

  it("[SYN1] a client that accepts only other subprotocols is rejected", () => {
    assert.strictEqual(decide({ protocols: "choir.v9.json" }), "400 Bad Request")
    assert.isTrue(isAdmitted(decide({ protocols: "choir.v9.json, choir.v1.json" })))
  })
})

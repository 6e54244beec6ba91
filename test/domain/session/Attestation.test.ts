import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { Attestation as AttestationSchema } from "../../../src/domain/protocol/Principal.ts"
import * as Attestation from "../../../src/domain/session/Attestation.ts"
import { makeAttestation, testAudience } from "../../support/Attestations.ts"
import { smallOrderPoints } from "../../support/SmallOrderPoints.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

const [owner, agent, other] = [makeTestUser().key, makeTestUser().key, makeTestUser().key]
const attestation = makeAttestation(owner, agent, { issued_at: 1_000_000, expires_at: 2_000_000 })
const use = { agent, audience: testAudience, now: 1_500_000, revokedAt: undefined }
const { clockTolerance } = Attestation

describe("the faults of an attestation", () => {
  it("[AUT8] another key, server or time, or a revocation, makes it void", () => {
    const faultOf = (more: Partial<AttestationSchema>, otherUse: Partial<Attestation.AttestationUse> = {}) =>
      Attestation.findFault({ ...attestation, ...more }, { ...use, ...otherUse })
    assert.isUndefined(faultOf({}))
    assert.strictEqual(faultOf({}, { agent: other }), "another_agent")
    assert.strictEqual(faultOf({ owner: agent }), "own_key")
    assert.strictEqual(faultOf({ audience: "http://choir.test.evil" }), "another_server")
    assert.isUndefined(faultOf({}, { now: 1_999_999 }))
    assert.strictEqual(faultOf({}, { now: 2_000_000 }), "expired")
    assert.isUndefined(faultOf({}, { now: 1_000_000 - clockTolerance }))
    assert.strictEqual(faultOf({}, { now: 1_000_000 - clockTolerance - 1 }), "not_yet_valid")
    assert.isUndefined(faultOf({}, { revokedAt: 1_000_000 - clockTolerance - 1 }))
    assert.strictEqual(faultOf({}, { revokedAt: 1_000_000 - clockTolerance }), "revoked")
    for (const hex of smallOrderPoints) {
      const weak = Buffer.from(hex, "hex").toString("base64url") as typeof owner
      assert.strictEqual(faultOf({ owner: weak }), "unsafe_key")
    }
  })

  it.prop(
    "[AUT8] what was valid when it was presented is void after any later revocation, at any later time",
    [Schema.Natural, Schema.Natural, Schema.Natural],
    ([issued_at, delay, later]) => {
      const now = Math.max(0, issued_at - clockTolerance) + delay % 1_000_000
      const revokedAt = now + later % 1_000_000
      const valid = { ...attestation, issued_at, expires_at: Number.MAX_SAFE_INTEGER }
      return Attestation.findFault(valid, { ...use, now }) !== undefined ||
        Attestation.findFault(valid, { ...use, now: revokedAt, revokedAt }) === "revoked"
    }
  )

  it.prop(
    "[AUT8] no two attestations have the same signing input",
    [Arbitrary.schema(AttestationSchema), Arbitrary.schema(AttestationSchema)],
    ([a, b]) => {
      const [first, second] = [a, b].map((attestation) => JSON.stringify({ ...attestation, signature: "" }))
      assert.strictEqual(
        Attestation.signingInput(Object.assign({}, a, { signature: "x" })),
        Attestation.signingInput(a)
      )
      assert.isFalse(Attestation.signingInput(a).slice("choir/statement/1\nattestation\n".length).includes("\n"))
      assert.strictEqual(Attestation.signingInput(a) === Attestation.signingInput(b), first === second)
    }
  )
})

describe("what an attestation covers", () => {
  const topic = TopicId.make("thread:abc")

  it.each<readonly [topics: ReadonlyArray<string>, commands: ReadonlyArray<string>, covered: boolean]>([
    [[], [], true],
    [["thread:abc"], ["submit_message"], true],
    [["thread:ab"], [], false],
    [["thread:ab*"], [], true],
    [["*"], [], true],
    [["room:*", "thread:*"], ["submit_prompt", "submit_message"], true],
    [["room:*"], [], false],
    [["thread:abcd*"], [], false],
    [[], ["submit_prompt"], false],
    [[], ["submit_"], false]
  ])("[AUT8] topics %j and commands %j cover a message: %s", (topics, commands, covered) => {
    assert.strictEqual(Attestation.permits({ topics, commands }, topic, "submit_message"), covered)
  })

  it.prop(
    "[AUT8] one more restriction never covers more",
    [Arbitrary.schema(AttestationSchema), Arbitrary.schema(TopicId), Schema.NonEmptyString],
    ([{ commands, topics }, topic, command]) =>
      !Attestation.permits({ commands, topics }, topic, command) ||
      Attestation.permits({ commands: [], topics }, topic, command) &&
        Attestation.permits({ commands, topics: [] }, topic, command)
  )
})

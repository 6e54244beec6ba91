/** The rule by which tests that need more than a checkout are run, skipped or failed. */
import { assert, describe, it } from "@effect/vitest"
import * as Proof from "./Proof.ts"

describe("proofs", () => {
  it("run where nothing is missing, with or without the requirement", () => {
    for (const required of [true, false]) {
      assert.strictEqual(Proof.outcomeOf(Proof.tracing(undefined), required), "run")
      assert.strictEqual(Proof.outcomeOf(Proof.mounting(true), required), "run")
    }
  })

  it("are skipped at a desk, with the reason and the remedy", () => {
    const missing = Proof.openSsl(false)
    assert.strictEqual(Proof.outcomeOf(missing, false), "skip")
    assert.strictEqual(Proof.skipReason(missing), "skipped: openssl is not installed; to run it, install openssl")
  })

  it("fail in CI, but for what CI cannot have", () => {
    const required = [Proof.tracing("no strace"), Proof.openSsl(false), Proof.browser("/none"), Proof.linux("darwin")]
    for (const proof of required) assert.strictEqual(Proof.outcomeOf(proof, true), "fail")
    const optional = [
      Proof.mounting(false),
      Proof.uws("not installed"),
      Proof.uwsMissing(true),
      Proof.qdrantServer(undefined),
      Proof.oldNode(undefined)
    ]
    for (const proof of optional) assert.strictEqual(Proof.outcomeOf(proof, true), "skip")
  })
})

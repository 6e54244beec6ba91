/** The rule by which tests that need more than a checkout are run, skipped or failed. */
import { assert, describe, it } from "@effect/vitest"
import * as Prerequisite from "./Prerequisite.ts"

describe("prerequisites", () => {
  it("that are met run their tests, required or not", () => {
    for (const required of [true, false]) {
      assert.strictEqual(Prerequisite.outcomeOf(Prerequisite.tracing(undefined), required), "run")
      assert.strictEqual(Prerequisite.outcomeOf(Prerequisite.mounting(true), required), "run")
    }
  })

  it("are skipped outside CI, with the reason and the remedy", () => {
    const missing = Prerequisite.openSsl(false)
    assert.strictEqual(Prerequisite.outcomeOf(missing, false), "skip")
    assert.strictEqual(
      Prerequisite.skipReason(missing),
      "skipped: openssl is not installed; to run it, install openssl"
    )
  })

  it("fail in CI, except those that CI cannot install", () => {
    const required = [
      Prerequisite.tracing("no strace"),
      Prerequisite.openSsl(false),
      Prerequisite.postgres(undefined),
      Prerequisite.browser("/none"),
      Prerequisite.linux("darwin")
    ]
    for (const prerequisite of required) assert.strictEqual(Prerequisite.outcomeOf(prerequisite, true), "fail")
    const optional = [
      Prerequisite.mounting(false),
      Prerequisite.uws("not installed"),
      Prerequisite.uwsMissing(true),
      Prerequisite.qdrantServer(undefined),
      Prerequisite.oldNode(undefined)
    ]
    for (const prerequisite of optional) assert.strictEqual(Prerequisite.outcomeOf(prerequisite, true), "skip")
  })
})

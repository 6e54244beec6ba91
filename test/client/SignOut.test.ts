/** A sign-out is done when the server says so, and else its caller is told (AUT2, SEC7). */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { type ClientFixture, onlineFixture } from "./ClientFixture.ts"

const Operation = Schema.Literals([
  "ServerReceive",
  "ServerReceive",
  "ClientReceive",
  "ClientReceive",
  "CutConnection",
  "Fail",
  "Post",
  "AdvanceTime"
])
type Operation = typeof Operation.Type
const scripts = Arbitrary.array(Arbitrary.schema(Operation), { maxLength: 30 })

const applyOperation = (fixture: ClientFixture, operation: Operation, n: number): void => {
  switch (operation) {
    case "ServerReceive":
      return void fixture.serverReceive()
    case "ClientReceive":
      return void fixture.clientReceive()
    case "CutConnection":
      return fixture.cutConnection()
    case "Fail":
      fixture.nextOutcome = "unavailable"
      return undefined
    case "Post":
      return fixture.submitCommand(n, { _tag: "send_message", content: n })
    case "AdvanceTime":
      return fixture.advanceTime(5_000)
  }
}

const runUntilDisconnected = (fixture: ClientFixture): void => {
  for (let i = 0; i < 1_000 && fixture.state.connection._tag !== "Disconnected"; i++) {
    if (!fixture.serverReceive() && !fixture.clientReceive()) fixture.advanceTime(60_000)
  }
}

describe("sign-out", () => {
  it.prop("[AUT2][SEC7] ends the session, however often the connection is lost and the server fails", {
    script: scripts
  }, ({ script }) => {
    const fixture = onlineFixture()
    fixture.submitSignOut(1)
    fixture.submitSignOut(2)
    for (const [index, operation] of script.entries()) applyOperation(fixture, operation, 100 + index)
    runUntilDisconnected(fixture)
    assert.isFalse(fixture.hasSession)
    assert.isUndefined(fixture.state.session)
    assert.deepStrictEqual(fixture.queryFailures, [undefined, undefined])
    assert.deepStrictEqual(fixture.state.connection, { _tag: "Disconnected", reason: undefined })
  }, { arbitrary: { runs: 100, size: 30 } })

  it("[AUT2] says so when the client is stopped before the server has confirmed it", () => {
    const fixture = onlineFixture()
    fixture.submitSignOut(1)
    fixture.dispatch({ _tag: "Stopped" })
    assert.deepStrictEqual(fixture.queryFailures, ["not_signed_out"])
  })

  it("[AUT2][SEC7] connects for it after the client was stopped, or has given up", () => {
    for (const end of ["Stopped", "replaced"] as const) {
      const fixture = onlineFixture()
      if (end === "Stopped") fixture.dispatch({ _tag: "Stopped" })
      else fixture.cutConnection(closeCode.replaced)
      assert.strictEqual(fixture.state.connection._tag, "Disconnected")
      fixture.submitSignOut(1)
      runUntilDisconnected(fixture)
      assert.deepStrictEqual([fixture.queryFailures, fixture.hasSession], [[undefined], false])
      // There is nothing left to sign out of.
      fixture.submitSignOut(2)
      assert.deepStrictEqual(fixture.queryFailures, [undefined, undefined])
      assert.strictEqual(fixture.state.connection._tag, "Disconnected")
    }
  })

  it("[SEC7] is done when another connection of the session has signed out", () => {
    const fixture = onlineFixture()
    fixture.submitSignOut(1)
    fixture.cutConnection(closeCode.forcedOut)
    assert.deepStrictEqual(fixture.queryFailures, [undefined])
    assert.isUndefined(fixture.state.session)
  })

  it("[SYN5] fails with an error that will not pass", () => {
    const fixture = onlineFixture()
    fixture.submitSignOut(1)
    const [request] = fixture.toServer.splice(0)
    fixture.sendToClient(
      { _tag: "error", ref_id: request?.id ?? "", code: "unknown_type", message: "", retryable: false },
      undefined
    )
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.queryFailures, ["unknown_type"])
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { ClientFixture, onlineFixture } from "./ClientFixture.ts"
import { otherUser, uuid } from "./ScriptedServer.ts"

describe("ClientMachine", () => {
  it("[SYN10] the phases are Connecting, Authenticated, Subscribed, Reconnecting, Disconnected", () => {
    const fixture = new ClientFixture()
    const phases = [ClientMachine.phase(fixture.state)._tag]
    const recordPhase = () => {
      const { _tag } = ClientMachine.phase(fixture.state)
      if (phases.at(-1) !== _tag) phases.push(_tag)
    }
    while (fixture.serverReceive() || fixture.clientReceive()) recordPhase()
    fixture.cutConnection()
    recordPhase()
    fixture.runUntilQuiescent()
    recordPhase()
    fixture.dispatch({ _tag: "Stopped" })
    recordPhase()
    assert.deepStrictEqual(phases, [
      "Connecting",
      "Authenticated",
      "Subscribed",
      "Reconnecting",
      "Subscribed",
      "Disconnected"
    ])
  })

  it("[SYN6] a position is acknowledged two seconds after it was reached, with the count of matching hashes", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.clientReceive()
    fixture.advanceTime(2_000)
    assert.deepStrictEqual(fixture.toServer.map((message) => [message.type, message.payload]), [
      ["ack", { seq: 3, matches: 2 }]
    ])
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "two" })
    fixture.clientReceive()
    fixture.advanceTime(2_000)
    assert.deepStrictEqual(fixture.toServer.at(-1)?.payload, { seq: 4, matches: 1 })
  })
})

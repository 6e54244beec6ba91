import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { clientReplica, onlineFixture } from "./ClientFixture.ts"
import { otherUser, uuid } from "./ScriptedServer.ts"

describe("EphemeralState", () => {
  it("[ROO2][ROO3] the latest signal by key is kept until its connection leaves", () => {
    const fixture = onlineFixture()
    fixture.sendToClient({ _tag: "presence_diff", joins: [{ user: otherUser, connection: "c9", at: 1 }], leaves: [] })
    fixture.sendToClient({ _tag: "signal", from: otherUser, connection: "c9", key: "typing", value: true })
    fixture.sendToClient({ _tag: "signal", from: otherUser, connection: "c9", key: "typing", value: 2 })
    fixture.runUntilQuiescent()
    while (fixture.clientReceive());
    assert.deepStrictEqual(clientReplica(fixture).signals.map((signal) => signal.value), [2])
    fixture.sendToClient({ _tag: "presence_diff", joins: [], leaves: [{ user: otherUser, connection: "c9", at: 1 }] })
    fixture.clientReceive()
    assert.deepStrictEqual([clientReplica(fixture).presence, clientReplica(fixture).signals], [[], []])
  })

  const text = (offset: number, text: string, step = "action") =>
    ({ _tag: "chorus_response", prompt_id: CommandId.make(uuid(5)), loop: 0, step, attempt: 0, offset, text }) as const

  it("[CHO5] streamed text is written at its offset, repeated chunks change nothing, and a new step starts anew", () => {
    const fixture = onlineFixture()
    const outputTexts = () => clientReplica(fixture).partialOutputs.map((output) => output.text)
    for (const chunk of [text(0, "Wind "), text(5, "sheds "), text(5, "sheds "), text(20, "beyond")]) {
      fixture.sendToClient(chunk)
      fixture.clientReceive()
    }
    assert.deepStrictEqual(outputTexts(), ["Wind sheds "])
    fixture.sendToClient(text(0, "Wind sheds vortices"))
    fixture.clientReceive()
    assert.deepStrictEqual(outputTexts(), ["Wind sheds vortices"])
    fixture.sendToClient(text(0, "Next", "experience"))
    fixture.clientReceive()
    assert.deepStrictEqual(outputTexts(), ["Next"])
  })
})

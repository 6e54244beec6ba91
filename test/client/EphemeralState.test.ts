import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { appendPartialOutput, applySignal } from "../../src/client/EphemeralState.ts"
import * as Replica from "../../src/client/Replica.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { clientReplica, onlineFixture } from "./ClientFixture.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

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

  it.prop("[ROO3] the last value of each key of each connection is kept, and null removes it", {
    signals: Schema.Array(Schema.Struct({
      connection: Schema.Literals(["c1", "c2"]),
      key: Schema.Literals(["typing", "cursor"]),
      value: Schema.NullOr(Schema.Literals([1, 2]))
    }))
  }, ({ signals }) => {
    const last = new Map<string, number>()
    let replica = Replica.make(topic, roomKind)
    for (const signal of signals) {
      replica = applySignal(replica, { from: otherUser, ...signal }, 7)
      last.delete(`${signal.connection} ${signal.key}`)
      if (signal.value !== null) last.set(`${signal.connection} ${signal.key}`, signal.value)
    }
    assert.deepStrictEqual(replica.signals.map(({ connection, key, value }) => [`${connection} ${key}`, value]), [
      ...last
    ])
  })

  it.prop("[CHO5] only a chunk of the same loop, step and attempt continues a text", {
    loop: Schema.Literals([0, 1]),
    step: Schema.Literals(["action", "experience"]),
    attempt: Schema.Literals([0, 1])
  }, (attempt) => {
    const first = {
      _tag: "chorus_response",
      prompt_id: CommandId.make(uuid(5)),
      loop: 0,
      step: "action",
      attempt: 0
    } as const
    const started = appendPartialOutput(Replica.make(topic, roomKind), { ...first, offset: 0, text: "Wind " })
    const isSame = attempt.loop === 0 && attempt.step === "action" && attempt.attempt === 0
    const textAfter = (offset: number, text: string) =>
      appendPartialOutput(started, { ...first, ...attempt, offset, text }).partialOutputs.map((output) => output.text)
    assert.deepStrictEqual(textAfter(5, "sheds"), isSame ? ["Wind sheds"] : ["Wind "])
    assert.deepStrictEqual(textAfter(0, "W"), isSame ? ["Wind "] : ["W"])
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

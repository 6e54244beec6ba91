/** How a client's copies move, find out that they are wrong, and show what is of the moment. */
import { assert, describe, it } from "@effect/vitest"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { ClientFixture, clientReplica, onlineFixture, postContents } from "./ClientFixture.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

describe("a copy", () => {
  it("[SYN3] a delta from elsewhere makes the client ask again for that topic, from its position", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "lost" })
    fixture.dropDelta()
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "seen" })
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.toServer.map((message) => [message.type, message.payload]), [
      ["subscribe", { position: { epoch: "e1", seq: 2 } }]
    ])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["lost", "seen"])
  })

  it("[CON8] a whole state that comes unasked takes the place of the deltas that were held back", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "held" })
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "back" })
    fixture.dropDelta()
    fixture.dropDelta()
    fixture.sendToClient({
      _tag: "subscribed",
      ref_id: uuid(0),
      mode: "snapshot",
      position: { epoch: "e1", seq: 4 },
      state: fixture.stateAt(4) as never,
      presence: [],
      signals: []
    })
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["held", "back"])
    assert.deepStrictEqual(fixture.toServer, [])
  })

  it("[SYN12] presence and signals come with the subscription and go with the connection", () => {
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

  const sent = (fixture: ClientFixture, type: string) =>
    fixture.intents.flatMap((intent) =>
      intent._tag === "Send" && intent.envelope.type === type ? [intent.envelope] : []
    )

  it("[SYN7] a copy that folds to another state is reported, given up, and asked for whole", () => {
    const fixture = onlineFixture()
    const correctHash = () => StateHash.hashState(fixture.stateAt(fixture.log.length))
    fixture.hashOverride = "0123456789abcdef"
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.hashOverride = undefined
    fixture.clientReceive()
    assert.deepStrictEqual(sent(fixture, "desync").map((message) => [message.thread_id, message.payload]), [
      [topic, { seq: 3, expected: "0123456789abcdef", found: correctHash() }]
    ])
    assert.deepStrictEqual(sent(fixture, "subscribe").at(-1)?.payload, {})
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(clientReplica(fixture).position, fixture.position)
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["one"])
    assert.lengthOf(sent(fixture, "desync"), 1)
  })

  it("[SYN7] a copy that drifts away again and again is asked for later each time, until it holds", () => {
    const fixture = onlineFixture()
    const desyncAndMeasureDelay = () => {
      fixture.hashOverride = "0123456789abcdef"
      fixture.append(uuid(100 + fixture.log.length), otherUser, { _tag: "send_message", content: "x" })
      fixture.hashOverride = undefined
      fixture.clientReceive()
      const { sync } = clientReplica(fixture)
      const wait = sync._tag === "Unsubscribed" ? sync.notBefore - fixture.now : 0
      fixture.runUntilQuiescent()
      return wait
    }
    assert.deepStrictEqual([desyncAndMeasureDelay(), desyncAndMeasureDelay(), desyncAndMeasureDelay()], [
      0,
      2_000,
      4_000
    ])
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "right" })
    fixture.runUntilQuiescent()
    assert.strictEqual(desyncAndMeasureDelay(), 0)
  })

  it("[SYN7] where even the snapshot reads as another state, it is reported once and comparing ends", () => {
    const fixture = new ClientFixture()
    fixture.hashOverride = "0123456789abcdef"
    fixture.runUntilQuiescent()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.runUntilQuiescent()
    assert.lengthOf(sent(fixture, "desync"), 1)
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["one"])
    assert.strictEqual(clientReplica(fixture).sync._tag, "Live")
  })

  const text = (offset: number, text: string, step = "action") =>
    ({ _tag: "chorus_response", prompt_id: uuid(5) as never, loop: 0, step, attempt: 0, offset, text }) as const

  it("[CHO5] running text goes at its offset, and a late joiner has it whole first", () => {
    const fixture = onlineFixture()
    const outputTexts = () => clientReplica(fixture).partialOutputs.map((running) => running.text)
    for (const piece of [text(0, "Wind "), text(5, "sheds "), text(5, "sheds "), text(20, "beyond")]) {
      fixture.sendToClient(piece)
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

import { assert, describe, it } from "@effect/vitest"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { sendMessage } from "../../src/client/ClientTransitions.ts"
import { Instant } from "../../src/domain/protocol/Ids.ts"
import { ClientFixture, clientReplica, onlineFixture, postContents } from "./ClientFixture.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

describe("the client's machine", () => {
  it("[SYN10] what is asked while offline is shown at once and leaves after the reconnect", () => {
    const fixture = onlineFixture()
    fixture.serverReachable = false
    fixture.cutConnection()
    fixture.submitCommand(7, { _tag: "send_message", content: "hello" })
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["hello"])
    assert.deepStrictEqual(postContents(clientReplica(fixture).confirmed), [])
    fixture.serverReachable = true
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(postContents(clientReplica(fixture).confirmed), ["hello"])
    assert.deepStrictEqual(fixture.receivedIds, [uuid(7)])
  })

  it("[SYN1] gives each of its messages an id of its own", () => {
    const { state } = onlineFixture()
    const [afterFirst, , firstId] = sendMessage(state, Instant.make(0), "heartbeat", {})
    const [, , secondId] = sendMessage(afterFirst, Instant.make(0), "heartbeat", {})
    assert.notStrictEqual(firstId, secondId)
  })

  it("[SYN10] the expected is rebased on what others did first", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "theirs" })
    fixture.clientReceive()
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["theirs", "mine"])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["theirs", "mine"])
  })

  it("[SYN4][SYN10] what a snapshot may hold already is not shown a second time", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.serverReceive()
    fixture.cutConnection() // The receipt and the delta are lost, and so much follows that a snapshot comes.
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: `theirs ${n}` })
    fixture.advanceTime(20_000)
    while (fixture.state.replicas.get(topic)?.sync._tag !== "Live") {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    assert.deepStrictEqual(postContents(clientReplica(fixture).state).filter((post) => post === "mine"), ["mine"])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [true])
    assert.deepStrictEqual(postContents(clientReplica(fixture).state).filter((post) => post === "mine"), ["mine"])
  })

  it("[SYN10] the states are Connecting, Authenticated, Subscribed, Reconnecting, Disconnected", () => {
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

  it("each message without a command's id leaves under an id that was not used before", () => {
    const fixture = onlineFixture()
    fixture.cutConnection()
    fixture.runUntilQuiescent()
    const ids = fixture.intents.flatMap((intent) => intent._tag === "Send" ? [intent.envelope.id] : [])
    assert.isAtLeast(ids.length, 5)
    assert.strictEqual(new Set(ids).size, ids.length)
  })

  it("[SYN9] a batch is its messages, in order", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "two" })
    const messages = fixture.toClient.splice(0) as never
    fixture.sendToClient({ _tag: "batch", messages }, undefined)
    fixture.clientReceive()
    assert.deepStrictEqual(postContents(clientReplica(fixture).state), ["one", "two"])
    assert.strictEqual(clientReplica(fixture).sync._tag, "Live")
  })

  it("[SYN6] a position is acknowledged a while after it was reached", () => {
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

import { assert, describe, it } from "@effect/vitest"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { ClientFixture, clientReplica, onlineFixture, sentTypes } from "./ClientFixture.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

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

  it("[SYN10] a query is sent once on each connection, whatever is sent after it", () => {
    const fixture = onlineFixture()
    const sentQueries = () => fixture.toServer.flatMap(({ id, type }) => type === "get_user" ? [id] : [])
    for (const n of [1, 2]) {
      fixture.submitQuery(n)
      fixture.submitCommand(10 + n, { _tag: "send_message", content: n })
    }
    assert.deepStrictEqual(sentQueries(), [uuid(1), uuid(2)])
    fixture.cutConnection()
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.answeredQueries, [uuid(1), uuid(2)])
    assert.deepStrictEqual(fixture.queryIds, [uuid(1), uuid(2)])
  })

  it("[SYN10] watching a topic again changes nothing, and unwatching it forgets it", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.clientReceive()
    const replica = clientReplica(fixture)
    fixture.dispatch({ _tag: "TopicWatched", topic })
    assert.strictEqual(clientReplica(fixture), replica)
    fixture.toServer = []
    fixture.dispatch({ _tag: "TopicUnwatched", topic })
    assert.strictEqual(fixture.state.replicas.size, 0)
    fixture.advanceTime(2_000)
    assert.deepStrictEqual(sentTypes(fixture), ["unsubscribe"])
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

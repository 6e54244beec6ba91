/** A topic that the server stops showing in the middle of what we do there (THR10). */
import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import type * as Room from "../../src/domain/room/RoomModel.ts"
import { ClientFixture } from "./ClientFixture.ts"
import { topic, uuid } from "./ScriptedServer.ts"

const commandId = CommandId.make(uuid(100))

const fixtureWithPendingCommand = (): ClientFixture => {
  const fixture = new ClientFixture()
  fixture.runUntilQuiescent()
  fixture.submitCommand(100, { _tag: "send_message", content: "my last words" })
  return fixture
}

const deliverReceipt = (fixture: ClientFixture, seq: number) => {
  fixture.sendToClient({ _tag: "receipt", ref_id: commandId, topic, seq }, undefined)
  fixture.clientReceive()
}

const revokeAccess = (fixture: ClientFixture) => {
  fixture.sendToClient({ _tag: "unsubscribed", ref_id: null })
  fixture.clientReceive()
}

const visibleState = ({ state: { outbox, replicas } }: ClientFixture) => ({
  outbox: outbox.length,
  posts: (replicas.get(topic)!.state as Room.State).posts.length
})

describe("a topic that is no longer shown", () => {
  it("[SYN10] what was acknowledged is expected no more, when its events were on their way", () => {
    const fixture = fixtureWithPendingCommand()
    deliverReceipt(fixture, 3)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 1, posts: 1 })
    revokeAccess(fixture)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, posts: 0 })
  })

  it("[SYN10] nor when the receipt comes afterwards", () => {
    const fixture = fixtureWithPendingCommand()
    revokeAccess(fixture)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 1, posts: 1 })
    deliverReceipt(fixture, 3)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, posts: 0 })
  })

  it("[SYN10] nor when it is found out by asking again", () => {
    const fixture = fixtureWithPendingCommand()
    deliverReceipt(fixture, 3)
    fixture.cutConnection()
    fixture.advanceTime(60_000)
    while (fixture.serverReceive() || fixture.clientReceive()) {
      const asked = fixture.toServer.findIndex(({ type }) => type === "subscribe")
      const [question] = asked === -1 ? [] : fixture.toServer.splice(asked, 1)
      if (question === undefined) continue
      fixture.sendToClient({ _tag: "error", ref_id: question.id, code: "not_found", message: "", retryable: false })
    }
    assert.strictEqual(fixture.state.replicas.get(topic)?.sync._tag, "Refused")
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, posts: 0 })
  })
})

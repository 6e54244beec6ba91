import { assert, describe, it } from "@effect/vitest"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"
import type { Opening } from "../../src/domain/protocol/Seal.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { ClientFixture, clientReplica, messageContents, onlineFixture } from "./ClientFixture.ts"
import { me, otherUser, topic, uuid } from "./ScriptedServer.ts"

const sentMessages = (fixture: ClientFixture, type: string) =>
  fixture.intents.flatMap((intent) => intent._tag === "Send" && intent.envelope.type === type ? [intent.envelope] : [])

describe("ServerMessageHandler", () => {
  it("[SYN9] a batch is handled as its messages in order", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "two" })
    const messages = fixture.toClient.splice(0) as never
    fixture.sendToClient({ _tag: "batch", messages }, undefined)
    fixture.clientReceive()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["one", "two"])
    assert.strictEqual(clientReplica(fixture).sync._tag, "Live")
  })

  it("[SYN3] a gap in the deltas resynchronises that topic from its position", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "lost" })
    fixture.dropDelta()
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "seen" })
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.toServer.map((message) => [message.type, message.payload]), [
      ["subscribe", { position: { epoch: "e1", seq: 2 } }]
    ])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["lost", "seen"])
  })

  it("[TOP5] [TOP10] a forged event is dropped, and its topic resynchronised", () => {
    const fixture = onlineFixture()
    while (fixture.log.length < 15) {
      fixture.append(uuid(8 + fixture.log.length), otherUser, { _tag: "send_message", content: fixture.log.length })
    }
    fixture.runUntilQuiescent()
    fixture.append(uuid(7), otherUser, { _tag: "send_message", content: "genuine" })
    const { payload } = fixture.toClient.at(-1) as { readonly payload: { events: ReadonlyArray<PublishedEvent> } }
    const [genuine] = payload.events
    const [[c, [salt]]] = Object.entries(genuine!.open!) as [[string, Opening]]
    payload.events = [{ ...genuine!, open: { [c]: [salt, "\"forged\""] } }]
    fixture.clientReceive()
    assert.deepStrictEqual(sentMessages(fixture, "subscribe").at(-1)?.payload, { position: { epoch: "e1", seq: 15 } })
    assert.notInclude(messageContents(clientReplica(fixture).state), "forged")
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(clientReplica(fixture).confirmed, fixture.stateAt(16))
    assert.strictEqual(clientReplica(fixture).head, fixture.log.at(-1)?.hash)
  })

  it("[CON8] an unrequested snapshot replaces coalesced deltas", () => {
    const fixture = onlineFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "held" })
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "back" })
    fixture.dropDelta()
    fixture.dropDelta()
    fixture.sendToClient(fixture.subscribedAt(4, 0, true))
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["held", "back"])
    assert.deepStrictEqual(fixture.toServer, [])
  })

  it("[SYN7] a replica with another hash is reported and replaced by a snapshot", () => {
    const fixture = onlineFixture()
    const correctHash = () => StateHash.hashState(fixture.stateAt(fixture.log.length))
    fixture.hashOverride = "0123456789abcdef"
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.hashOverride = undefined
    fixture.clientReceive()
    assert.deepStrictEqual(sentMessages(fixture, "desync").map((message) => [message.thread_id, message.payload]), [
      [topic, { seq: 3, expected: "0123456789abcdef", found: correctHash() }]
    ])
    assert.deepStrictEqual(sentMessages(fixture, "subscribe").at(-1)?.payload, {})
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(clientReplica(fixture).position, fixture.position)
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["one"])
    assert.lengthOf(sentMessages(fixture, "desync"), 1)
  })

  it("[SYN7] consecutive mismatches delay the next subscription, until a hash matches", () => {
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

  it("[SYN7] a snapshot with another hash is reported once, and hashes are no longer compared", () => {
    const fixture = new ClientFixture()
    fixture.hashOverride = "0123456789abcdef"
    fixture.runUntilQuiescent()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "one" })
    fixture.runUntilQuiescent()
    assert.lengthOf(sentMessages(fixture, "desync"), 1)
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["one"])
    assert.strictEqual(clientReplica(fixture).sync._tag, "Live")
  })

  it("[SYN2] deltas that do not lead from the replica's position are answered by a subscription without it", () => {
    const fixture = onlineFixture()
    fixture.cutConnection()
    fixture.advanceTime(20_000)
    while (fixture.toServer.every(({ type }) => type !== "subscribe")) {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    const { id: ref_id, payload } = fixture.toServer.find(({ type }) => type === "subscribe")!
    assert.deepStrictEqual(payload, { position: fixture.position })
    fixture.toServer = []
    const position = { ...fixture.position, seq: 9 }
    fixture.sendToClient({ ...fixture.subscribedAt(fixture.log.length, fixture.log.length), ref_id, position })
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.toServer.map(({ payload, type }) => [type, payload]), [["subscribe", {}]])
  })

  it("[LED1] the balance that a query returns is the client's from then on", () => {
    const fixture = onlineFixture()
    fixture.submitQuery(1)
    fixture.sendToClient({ _tag: "user", ref_id: uuid(1), user: { public_key: me, balance: 5 } }, undefined)
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.answeredQueries, [uuid(1)])
    assert.strictEqual(fixture.state.init?.user.balance, 5)
    assert.strictEqual(fixture.state.connection._tag, "Online")
  })

  it("[TOP10] an erased title leaves the lists of threads, and does not come back with one that was read before", () => {
    const fixture = onlineFixture()
    const thread_id = TopicId.make("thread:walrus")
    const summary = { thread_id, title: "Walrus", visibility: "public", status: "active", updated_at: 1 } as const
    const threads = [{ ...summary, co_authors: [me] }]
    fixture.state = { ...fixture.state, init: { ...fixture.state.init!, threads } }
    fixture.submitQuery(1)
    fixture.sendToClient({ _tag: "title_erased" }, thread_id)
    fixture.sendToClient({ _tag: "threads", threads, ref_id: uuid(1) }, undefined)
    fixture.clientReceive()
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.state.init?.threads, [{ ...threads[0]!, title: null }])
    assert.isTrue(fixture.state.erasedTitles.has(thread_id))
    assert.notInclude(JSON.stringify(fixture.intents.filter(({ _tag }) => _tag === "CompleteQuery")), "Walrus")
    assert.deepStrictEqual(fixture.answeredQueries, [uuid(1)])
  })

  it.each([[undefined, 2_000], [700, 700]])(
    "[SYN10] a retryable error delays the subscription, by retry_after_ms %s",
    (retry_after_ms, delay) => {
      const fixture = new ClientFixture()
      while (fixture.toServer.every((message) => message.type !== "subscribe")) {
        if (!fixture.serverReceive()) fixture.clientReceive()
      }
      const { id: ref_id } = fixture.toServer.find((message) => message.type === "subscribe")!
      fixture.toServer = []
      const error = { _tag: "error", ref_id, code: "unavailable", message: "later", retryable: true } as const
      fixture.sendToClient({ ...error, ...retry_after_ms === undefined ? undefined : { retry_after_ms } })
      fixture.clientReceive()
      assert.deepStrictEqual(fixture.toServer, [])
      const since = fixture.now
      fixture.advanceTime(60_000)
      assert.deepStrictEqual([fixture.now - since, fixture.toServer.map(({ type }) => type)], [delay, ["subscribe"]])
    }
  )

  it("[SYN10] an access error refuses that topic with the server's sentence, and leaves the connection", () => {
    const fixture = new ClientFixture()
    while (fixture.toServer.every((message) => message.type !== "subscribe")) {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    const ref_id = fixture.toServer.find((message) => message.type === "subscribe")!.id
    fixture.toServer = []
    fixture.sendToClient({ _tag: "error", ref_id, code: "not_found", message: "not there", retryable: false })
    fixture.clientReceive()
    const sync = fixture.state.replicas.get(topic)!.sync
    assert.strictEqual(sync._tag === "Refused" ? sync.reason.message : "", "not there")
    assert.strictEqual(ClientMachine.phase(fixture.state)._tag, "Authenticated")
  })
})

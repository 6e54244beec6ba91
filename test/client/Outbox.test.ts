import { assert, describe, it } from "@effect/vitest"
import { maxPendingCommands } from "../../src/client/Outbox.ts"
import { CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { ClientFixture, clientReplica, messageContents, onlineFixture } from "./ClientFixture.ts"
import { saltOf } from "./RoomLog.ts"
import { otherUser, topic, uuid } from "./ScriptedServer.ts"

const commandId = CommandId.make(uuid(100))

const fixtureWithPendingCommand = (): ClientFixture => {
  const fixture = new ClientFixture()
  fixture.runUntilQuiescent()
  fixture.submitCommand(100, { _tag: "send_message", content: "mine" })
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
  messages: (replicas.get(topic)!.state as RoomModel.State).messages.length
})

const moveToEnd = (messages: Array<{ readonly type: string }>, type: string) =>
  messages.sort((one, other) => Number(one.type === type) - Number(other.type === type))

describe("Outbox", () => {
  it("[SYN10] a command submitted offline is applied optimistically and sent after the reconnect", () => {
    const fixture = onlineFixture()
    fixture.serverReachable = false
    fixture.cutConnection()
    fixture.submitCommand(7, { _tag: "send_message", content: "hello" })
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["hello"])
    assert.deepStrictEqual(messageContents(clientReplica(fixture).confirmed), [])
    fixture.serverReachable = true
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).confirmed), ["hello"])
    assert.deepStrictEqual(fixture.receivedIds, [uuid(7)])
  })

  it("[SYN4] [TOP10] a command is sent again with the same salt, and one without text has none", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "again" })
    fixture.submitCommand(8, { _tag: "delete_entry", key: "none" })
    fixture.serverReceive()
    fixture.cutConnection()
    fixture.runUntilQuiescent()
    const salts = fixture.commands.map(({ id, salt }) => [id, salt])
    assert.deepStrictEqual(salts, [[uuid(7), saltOf(uuid(7))], [uuid(7), saltOf(uuid(7))], [uuid(8), undefined]])
    assert.deepStrictEqual(messageContents(clientReplica(fixture).confirmed), ["again"])
  })

  it("[SYN10] optimistic state is rebased on events of others that were logged first", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "theirs" })
    fixture.clientReceive()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "mine"])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "mine"])
  })

  it("[SYN10] a command submitted offline stays visible while a snapshot replaces the state", () => {
    const fixture = onlineFixture()
    fixture.serverReachable = false
    fixture.cutConnection()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: n })
    fixture.serverReachable = true
    fixture.advanceTime(20_000)
    while (fixture.state.outbox.length > 0) {
      assert.deepStrictEqual(messageContents(clientReplica(fixture).state).filter((content) => content === "mine"), [
        "mine"
      ])
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), [20, 21, 22, 23, "mine"])
  })

  it("[SYN4][SYN10] a command sent while another topic is subscribed to first may be in the snapshot", () => {
    const fixture = onlineFixture()
    fixture.dispatch({ _tag: "TopicWatched", topic: TopicId.make("room:other") })
    fixture.serverReachable = false
    fixture.cutConnection()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.serverReachable = true
    fixture.advanceTime(20_000)
    while (!fixture.toServer.some(({ type }) => type === "send_message")) {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    // The command overtakes the subscription, which waits for that of the other topic; replies keep their order.
    moveToEnd(fixture.toServer, "subscribe")
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: n })
    while (fixture.serverReceive());
    moveToEnd(fixture.toClient as Array<{ readonly type: string }>, "receipt")
    while (fixture.clientReceive()) {
      const messages = messageContents(clientReplica(fixture).state)
      assert.isAtMost(messages.filter((content) => content === "mine").length, 1)
    }
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [true])
  })

  it("[SYN10] an abandoned command is withdrawn while it was never sent, and kept afterwards", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "sent" })
    fixture.serverReachable = false
    fixture.cutConnection()
    fixture.submitCommand(8, { _tag: "send_message", content: "queued" })
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["sent", "queued"])
    for (const n of [7, 8]) fixture.dispatch({ _tag: "CommandWithdrawn", id: uuid(n) })
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["sent"])
    fixture.serverReachable = true
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.receivedIds, [uuid(7)])
    assert.deepStrictEqual([...fixture.outcomes], [[uuid(7), [true]]])
  })

  it("[SYN10] a command that came too late for its session is not decided, and may be withdrawn", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    const late = { _tag: "error", ref_id: uuid(7), code: "unauthenticated", message: "no", retryable: false } as const
    fixture.sendToClient(late, undefined)
    fixture.clientReceive()
    assert.strictEqual(fixture.state.connection._tag, "Reconnecting")
    fixture.dispatch({ _tag: "CommandWithdrawn", id: uuid(7) })
    assert.deepStrictEqual(fixture.state.outbox, [])
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), [])
  })

  it("[SYN4][SYN10] a command that a snapshot may contain is not applied a second time", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.serverReceive()
    fixture.cutConnection() // The receipt and the delta are lost, and so much follows that a snapshot comes.
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: `theirs ${n}` })
    fixture.advanceTime(20_000)
    while (fixture.state.replicas.get(topic)?.sync._tag !== "Live") {
      if (!fixture.serverReceive()) fixture.clientReceive()
    }
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state).filter((content) => content === "mine"), [
      "mine"
    ])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [true])
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state).filter((content) => content === "mine"), [
      "mine"
    ])
  })

  it("[CON7] a rate-limited command is sent again under the same id after the pause", () => {
    const fixture = onlineFixture()
    fixture.nextOutcome = "rate_limited"
    fixture.submitCommand(7, { _tag: "send_message", content: "eager" })
    fixture.serverReceive()
    fixture.clientReceive()
    assert.deepStrictEqual(fixture.toServer, [])
    const since = fixture.now
    fixture.advanceTime(60_000)
    assert.deepStrictEqual([fixture.now - since, fixture.toServer.map(({ type }) => type)], [500, ["send_message"]])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(fixture.receivedIds, [uuid(7), uuid(7)])
    assert.isAtLeast(fixture.now - since, 500)
    assert.deepStrictEqual(fixture.outcomes.get(uuid(7)), [true])
  })

  it("[SYN10] what is shown waits for the commands that a snapshot may contain, and only for them", () => {
    const fixture = onlineFixture()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    // Without its receipt: the snapshot comes first, as after back-pressure.
    const sendSnapshot = () => {
      fixture.toClient = []
      fixture.sendToClient(fixture.subscribedAt(fixture.log.length, 0, true))
      fixture.clientReceive()
    }
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "theirs" })
    sendSnapshot()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["mine"])
    assert.deepStrictEqual(messageContents(clientReplica(fixture).confirmed), ["theirs"])
    fixture.nextOutcome = "rate_limited"
    fixture.serverReceive()
    fixture.clientReceive()
    // It was not decided, so that the snapshot cannot contain it, nor the next one.
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "mine"])
    fixture.append(uuid(9), otherUser, { _tag: "send_message", content: "more" })
    sendSnapshot()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "more", "mine"])
    fixture.dispatch({ _tag: "CommandWithdrawn", id: uuid(7) })
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "more"])
  })

  it("[SYN10] a command that the first snapshot may contain is shown when it is known that it does not", () => {
    const fixture = new ClientFixture()
    while (fixture.state.connection._tag !== "Online") if (!fixture.serverReceive()) fixture.clientReceive()
    fixture.submitCommand(7, { _tag: "send_message", content: "mine" })
    fixture.nextOutcome = "rate_limited"
    const seen: Array<number> = []
    while (fixture.serverReceive() || fixture.clientReceive()) {
      const { length } = messageContents(clientReplica(fixture).state)
      if (length !== seen.at(-1)) seen.push(length)
    }
    assert.deepStrictEqual(seen, [0, 1])
    fixture.runUntilQuiescent()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).confirmed), ["mine"])
  })

  it("[CON7] after rate_limited one command may be unanswered, one more with each receipt, and sixteen in the end", () => {
    const fixture = onlineFixture()
    fixture.nextOutcome = "rate_limited"
    for (let n = 0; n < 40; n++) fixture.submitCommand(100 + n, { _tag: "send_message", content: n })
    const rejected = fixture.toServer.splice(0)
    assert.lengthOf(rejected, 16)
    // As a server that keeps the order: it rejects what follows a rejected command as well.
    for (const { id: ref_id } of rejected) {
      const error = { _tag: "error", ref_id, code: "rate_limited", message: "later", retryable: true } as const
      fixture.sendToClient({ ...error, retry_after_ms: 500 }, undefined)
      fixture.clientReceive()
    }
    fixture.nextOutcome = "accept"
    const unanswered: Array<number> = []
    fixture.advanceTime(60_000)
    while (unanswered.length < 20) {
      unanswered.push(fixture.unansweredCommands.size)
      const before = fixture.outcomes.size
      while (fixture.outcomes.size === before) if (!fixture.clientReceive()) fixture.serverReceive()
    }
    assert.deepStrictEqual(unanswered, Array.from({ length: 20 }, (_, n) => Math.min(n + 1, 16)))
  })

  it("[SYN10] a command beyond the limit of the queue fails and leaves the others", () => {
    const fixture = onlineFixture()
    fixture.serverReachable = false
    fixture.cutConnection()
    for (let n = 0; n <= maxPendingCommands; n++) fixture.submitCommand(n, { _tag: "send_message", content: n })
    assert.lengthOf(fixture.state.outbox, maxPendingCommands)
    assert.deepStrictEqual([...fixture.outcomes], [[uuid(maxPendingCommands), [false]]])
  })

  it("[SYN10] a topic is shown from its first snapshot on, also if that may contain a command", () => {
    const fixture = new ClientFixture()
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "theirs" })
    while (fixture.state.connection._tag !== "Online") if (!fixture.serverReceive()) fixture.clientReceive()
    fixture.submitCommand(100, { _tag: "send_message", content: "mine" })
    while (fixture.toServer[0]?.type !== "send_message") fixture.serverReceive()
    while (fixture.clientReceive());
    assert.strictEqual(clientReplica(fixture).sync._tag, "Live")
    assert.include(messageContents(clientReplica(fixture).state), "theirs")
  })

  it("[SYN10] a command that another topic took over waits for no event of its own topic", () => {
    const fixture = fixtureWithPendingCommand()
    fixture.sendToClient(
      { _tag: "receipt", ref_id: commandId, topic: TopicId.make("ledger:main"), seq: 900 },
      undefined
    )
    fixture.clientReceive()
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, messages: 0 })
    assert.deepStrictEqual(fixture.outcomes.get(commandId), [true])
  })

  it("[SYN10] a snapshot from before an accepted command shows others' events and the command", () => {
    const fixture = fixtureWithPendingCommand()
    deliverReceipt(fixture, 4)
    fixture.append(uuid(8), otherUser, { _tag: "send_message", content: "theirs" })
    fixture.toClient = []
    fixture.sendToClient(fixture.subscribedAt(3, 0, true))
    fixture.clientReceive()
    assert.deepStrictEqual(messageContents(clientReplica(fixture).state), ["theirs", "mine"])
  })

  it.each(
    [
      ["after", (own: unknown, repeated: unknown) => [own, repeated]],
      ["before", (own: unknown, repeated: unknown) => [repeated, own]]
    ] as const
  )("[SYN10] what is shown stays shown, once, while a topic is resynchronised: %s its receipt", (_, order) => {
    const fixture = onlineFixture()
    const shownOnce = () => {
      const messages = messageContents(clientReplica(fixture).state)
      assert.deepStrictEqual(["A", "B"].map((own) => messages.filter((content) => content === own).length), [1, 1])
    }
    fixture.submitCommand(100, { _tag: "send_message", content: "A" })
    fixture.serverReceive()
    fixture.cutConnection() // So much follows that a snapshot comes, which may contain A.
    for (let n = 20; n < 24; n++) fixture.append(uuid(n), otherUser, { _tag: "send_message", content: n })
    fixture.advanceTime(20_000)
    while (clientReplica(fixture).sync._tag !== "Live") if (!fixture.serverReceive()) fixture.clientReceive()
    const repeated = fixture.toClient.splice(0)
    fixture.submitCommand(101, { _tag: "send_message", content: "B" })
    // The event of B comes with another hash, before the receipts of both.
    fixture.hashOverride = "0000000000000000"
    fixture.serverReceive()
    fixture.hashOverride = undefined
    assert.deepStrictEqual([repeated.length, fixture.toClient.length], [1, 2])
    fixture.toClient.push(...order(fixture.toClient.pop(), repeated[0]))
    for (let received = 0; received < 3; received++) {
      shownOnce()
      fixture.clientReceive()
    }
    shownOnce()
    assert.deepStrictEqual([...fixture.outcomes.values()], [[true], [true]])
    fixture.runUntilQuiescent()
    shownOnce()
    assert.deepStrictEqual(fixture.state.outbox, [])
  })

  it("[SYN10] an accepted command is dropped when its topic is refused before its events arrive", () => {
    const fixture = fixtureWithPendingCommand()
    deliverReceipt(fixture, 3)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 1, messages: 1 })
    revokeAccess(fixture)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, messages: 0 })
  })

  it("[SYN10] a receipt after the topic was refused removes the command", () => {
    const fixture = fixtureWithPendingCommand()
    revokeAccess(fixture)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 1, messages: 1 })
    deliverReceipt(fixture, 3)
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, messages: 0 })
  })

  it("[SYN10] an accepted command is dropped when a new subscription is refused", () => {
    const fixture = fixtureWithPendingCommand()
    deliverReceipt(fixture, 3)
    fixture.cutConnection()
    fixture.advanceTime(60_000)
    while (fixture.serverReceive() || fixture.clientReceive()) {
      const index = fixture.toServer.findIndex(({ type }) => type === "subscribe")
      const [request] = index === -1 ? [] : fixture.toServer.splice(index, 1)
      if (request === undefined) continue
      fixture.sendToClient({ _tag: "error", ref_id: request.id, code: "not_found", message: "", retryable: false })
    }
    assert.strictEqual(fixture.state.replicas.get(topic)?.sync._tag, "Refused")
    assert.deepStrictEqual(visibleState(fixture), { outbox: 0, messages: 0 })
  })
})

/** The invariants at the top of Replica.ts, on its functions alone. */
import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import * as Replica from "../../src/client/Replica.ts"
import { sha256 } from "../../src/client/Sha256.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"
import type { Opening, Openings } from "../../src/domain/protocol/Seal.ts"
import * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { noEpoch } from "../../src/domain/topic/DurableState.ts"
import { entryHash } from "../../src/domain/topic/Log.ts"
import { messageContents } from "./ClientFixture.ts"
import { headOf, saltOf, sealCommand } from "./RoomLog.ts"
import { me, otherUser, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

/** A server with two members and `messages` messages, and the deltas of its log. */
const serverWithMessages = (messages: number) => {
  const server = new ScriptedServer(me)
  for (let n = 0; n < messages; n++) server.append(uuid(10 + n), otherUser, { _tag: "send_message", content: n })
  return server
}

const subscribedFrom = (server: ScriptedServer, from: number) => server.subscribedAt(server.log.length, from)

const deltaOf = (server: ScriptedServer, from: number, to: number) => ({
  _tag: "delta" as const,
  from,
  to,
  events: server.log.slice(from, to)
})

/** A live replica with the first `seq` events of a server's log. */
const replicaAt = (server: ScriptedServer, seq: number): Replica.Replica => ({
  ...Replica.make(topic, roomKind),
  sync: { _tag: "Live" },
  position: { epoch: server.epoch, seq },
  head: headOf(server.log.slice(0, seq)),
  confirmed: server.stateAt(seq),
  base: server.stateAt(seq),
  state: server.stateAt(seq)
})

const sealIn = ({ event }: PublishedEvent) => (event as { readonly content: object }).content

describe("Replica", () => {
  it("[SYN3] a delta from the position advances the replica to the fold of the log", () => {
    const server = serverWithMessages(2)
    const advanced = Replica.applyDelta(replicaAt(server, 2), deltaOf(server, 2, 4))
    assert.deepStrictEqual(advanced?.position, { epoch: server.epoch, seq: 4 })
    assert.deepStrictEqual(advanced?.confirmed, server.stateAt(4))
  })

  it("[SYN3] a repeated delta changes nothing, and one after a gap is not applied", () => {
    const server = serverWithMessages(3)
    const replica = replicaAt(server, 4)
    assert.strictEqual(Replica.applyDelta(replica, deltaOf(server, 2, 4)), replica)
    assert.isUndefined(Replica.applyDelta(replica, deltaOf(server, 3, 5)))
    assert.isUndefined(Replica.applyDelta(replicaAt(server, 2), deltaOf(server, 3, 5)))
    assert.isUndefined(Replica.applyDelta({ ...replica, position: undefined }, deltaOf(server, 4, 5)))
  })

  it("[SYN3] events that are not numbered on from the position, or that the kind does not know, are not applied", () => {
    const server = serverWithMessages(3)
    const replica = replicaAt(server, 2)
    const [first, second, third] = server.log.slice(2)
    for (
      const events of [[second!, first!, third!], [first!, third!, second!], [first!, second!, { ...third!, seq: 9 }]]
    ) {
      assert.isUndefined(Replica.applyDelta(replica, { ...deltaOf(server, 2, 5), events }))
      const caughtUp = { ...subscribedFrom(server, 2), events }
      assert.isUndefined(Replica.applySubscribed(replica, caughtUp, 0))
    }
    const unknown = { ...third!, event: { _tag: "Unknown" } } as never
    assert.isUndefined(Replica.applyDelta(replica, { ...deltaOf(server, 2, 5), events: [first!, second!, unknown] }))
  })

  it("[TOP9] an event of an older version is folded and shown as one of the present; one of a newer version is not applied", () => {
    const server = serverWithMessages(1)
    const [newest] = server.log.slice(2)
    const ofVersion = (version: number, tag: string): PublishedEvent => ({
      ...newest!,
      version,
      event: { ...newest!.event as object, _tag: tag }
    })
    const older = ofVersion(1, "Posted")
    const advanced = Replica.applyDelta(replicaAt(server, 2), { ...deltaOf(server, 2, 3), events: [older] })!
    assert.deepStrictEqual(advanced.confirmed, server.stateAt(3))
    assert.deepInclude(Replica.toReceived(advanced, older).event, { _tag: "MessageSent", content: "0" })
    const newer = ofVersion(roomKind.version + 1, "MessageSent")
    assert.isUndefined(Replica.applyDelta(replicaAt(server, 2), { ...deltaOf(server, 2, 3), events: [newer] }))
  })

  it("[SYN7] hashes are compared from the start, until a snapshot differs", () => {
    const server = serverWithMessages(1)
    const wrong = "0000000000000000" as StateHash.StateHash
    const fresh = Replica.make(topic, roomKind)
    assert.isDefined(Replica.verifyHash(fresh, wrong).found)
    const snapshot = { ...fresh, confirmed: server.stateAt(1) }
    const { found, replica } = Replica.verifySnapshot(Replica.awaitSnapshotHash(snapshot, wrong, 0))
    assert.isDefined(found)
    assert.isUndefined(Replica.verifyHash(replica, wrong).found)
  })

  it("[SYN7] a replica that is damaged after its snapshot is not taken for one of another version", () => {
    const confirmed = serverWithMessages(1).stateAt(1)
    const hash = StateHash.hashState(confirmed)
    const fresh = Replica.make(topic, roomKind)
    const snapshot = Replica.awaitSnapshotHash({ ...fresh, confirmed }, hash, 0)
    const { found, replica } = Replica.verifySnapshot({ ...snapshot, confirmed: fresh.confirmed })
    assert.isUndefined(found)
    assert.isDefined(Replica.verifyHash(replica, hash).found)
  })

  it("[SYN2] a catch-up must lead from the replica's position to the one it names, in the same epoch", () => {
    const server = serverWithMessages(2)
    const replica = replicaAt(server, 3)
    assert.deepStrictEqual(
      Replica.applySubscribed(replica, subscribedFrom(server, 3), 0)?.confirmed,
      server.stateAt(server.log.length)
    )
    assert.isUndefined(Replica.applySubscribed(replica, subscribedFrom(server, 2), 0))
    server.epoch = "e2"
    assert.isUndefined(Replica.applySubscribed(replica, subscribedFrom(server, 3), 0))
  })

  it("[SYN10] pending commands are decided by the kind on the confirmed state; rejected ones have no effect", () => {
    const server = serverWithMessages(1)
    const command = (n: number, command: unknown) => ({
      id: CommandId.make(uuid(n)),
      input: sealCommand(command, uuid(n)),
      at: 0,
      seed: 0
    })
    const commands = [
      command(20, { _tag: "send_message", content: "mine" }),
      command(21, { _tag: "delete_entry", key: "x" })
    ]
    const replica = replicaAt(server, 3)
    const rebased = Replica.applyOptimistic(replica, { me, signCommands: false }, commands)
    assert.deepStrictEqual(messageContents(rebased.state), [0, "mine"])
    assert.deepStrictEqual(rebased.optimisticCommands, [CommandId.make(uuid(20))])
    assert.strictEqual(rebased.confirmed, replica.confirmed)
    const unloaded = Replica.make(topic, roomKind)
    assert.strictEqual(Replica.applyOptimistic(unloaded, { me, signCommands: false }, commands), unloaded)
  })

  it("[TOP5] [TOP10] every sixteenth event is verified: a forged one is not applied", () => {
    const server = serverWithMessages(15)
    const replica = replicaAt(server, 14)
    const [before, genuine, next] = server.log.slice(14)
    const applyAfter = (before: PublishedEvent, forged: PublishedEvent) =>
      Replica.applyDelta(replica, { ...deltaOf(server, 14, 17), events: [before, forged, next!] })
    assert.deepStrictEqual(applyAfter(before!, genuine!)?.head, next!.hash)
    const [[c, [salt, text]]] = Object.entries(genuine!.open!) as [[string, Opening]]
    const forgeries: ReadonlyArray<Partial<PublishedEvent>> = [
      { at: genuine!.at + 1 },
      { principal: { key: me, person: me } },
      { event: { ...genuine!.event as Schema.JsonObject, by: me } },
      { hash: before!.hash },
      { open: { [c]: [salt, `${text} `] } },
      { open: { [c]: [saltOf(uuid(1)), text] } },
      { open: { ...genuine!.open, [before!.hash]: [salt, text] } }
    ]
    for (const forgery of forgeries) assert.isUndefined(applyAfter(before!, { ...genuine!, ...forgery }))
    // It is linked to the event before, so that another one in its place is found.
    assert.isUndefined(applyAfter({ ...before!, hash: genuine!.hash }, genuine!))
    // A text that was erased meanwhile is left out.
    const { open: _open, ...erased } = genuine!
    assert.deepStrictEqual(applyAfter(before!, erased)?.position?.seq, 17)
  })

  it("[TOP5] [SYN8] nothing is verified for who subscribed before the log began: its epoch came later", () => {
    const server = serverWithMessages(15)
    const unborn = { ...replicaAt(server, 0), position: { epoch: noEpoch, seq: 0 } }
    const advanced = Replica.applyDelta(unborn, deltaOf(server, 0, 17))
    assert.deepStrictEqual(advanced?.confirmed, server.stateAt(17))
  })

  it("[TOP10] openings belong to the seals of each event, and have their lengths; a sampled one has their hash", () => {
    const server = serverWithMessages(15)
    const before = replicaAt(server, 15)
    const replica = replicaAt(server, 14)
    const [fifteenth, sixteenth] = server.log.slice(14)
    const [[c, [salt, text]]] = Object.entries(fifteenth!.open!) as [[string, Opening]]
    const other = Object.values(sixteenth!.open!)[0]!
    const misfits: ReadonlyArray<PublishedEvent["open"]> = [
      { [c]: [salt, `${text} `] },
      { ...fifteenth!.open, [sixteenth!.hash]: other },
      { [sixteenth!.hash]: [salt, text] }
    ]
    for (const open of misfits) {
      const events = [{ ...fifteenth!, open: open! }]
      assert.isUndefined(Replica.applyDelta(replica, { ...deltaOf(server, 14, 15), events }))
      assert.isUndefined(Replica.applySubscribed(replica, { ...server.subscribedAt(15, 14), events }, 0))
    }
    // The length is that of the seal, not the opening's own: also an event with a genuine hash may have a wrong one.
    const event = { ...sixteenth!.event as Schema.JsonObject, content: { ...sealIn(sixteenth!), n: 99 } }
    const { open: _open, ...fields } = sixteenth!
    const { epoch } = server
    const hash = entryHash(sha256, { ...fields, event, topic, epoch, prev: fifteenth!.hash })
    const wrong = { ...sixteenth!, event, hash }
    assert.isUndefined(Replica.applyDelta(before, { ...deltaOf(server, 15, 16), events: [wrong] }))
    const { open: _, ...closed } = wrong
    assert.isDefined(Replica.applyDelta(before, { ...deltaOf(server, 15, 16), events: [closed] }))
  })

  it("[TOP10] a snapshot is not shown if an opening does not belong to it; of the texts, a sample is hashed", () => {
    const server = serverWithMessages(20)
    const replica = Replica.make(topic, roomKind)
    const subscribed = server.subscribedAt(22, 0, true)
    const { open, state } = subscribed.snapshot!
    const withOpenings = (open: Openings) =>
      Replica.applySubscribed(replica, { ...subscribed, snapshot: { state, open } }, 0)
    assert.deepStrictEqual(withOpenings(open)?.confirmed, server.stateAt(22))
    const texts = Object.entries(open)
    // The first and the seventeenth are hashed.
    for (const index of [0, 16]) {
      const [c, [salt, text]] = texts[index]!
      assert.isUndefined(withOpenings({ ...open, [c]: [salt, "9".repeat(text.length)] }))
    }
    const [c, [salt, text]] = texts[1]!
    assert.isUndefined(withOpenings({ ...open, [c]: [salt, `${text} `] }))
    assert.isUndefined(withOpenings({ ...open, [server.log[0]!.hash]: [salt, text] }))
    const { [c]: _erased, ...others } = open
    assert.isDefined(withOpenings(others))
  })

  it("[TOP10] [SYN10] an erased text leaves the base too, which a pending command holds back", () => {
    const server = serverWithMessages(2)
    const [erased] = Object.keys(server.log[2]!.open!)
    const seq = server.log.length
    const event = {
      _tag: "Erased",
      seq: 3,
      paths: ["/content"],
      texts: [erased!],
      by: otherUser,
      reason: null,
      because: null,
      at: 0
    }
    const entry = { ...server.log[2]!, seq: seq + 1, event, open: {} }
    const replica = replicaAt(server, seq)
    const delta = { _tag: "delta" as const, from: seq, to: seq + 1, events: [entry] }
    const live = Replica.applyDelta(replica, delta)
    assert.deepStrictEqual(messageContents(live?.base), [null, 1])
    const { position: { epoch } } = server.subscribedAt(seq, seq)
    const position = { epoch, seq: seq + 1 }
    const caughtUp = { ...server.subscribedAt(seq, seq), position, events: [entry] }
    assert.deepStrictEqual(messageContents(Replica.applySubscribed(replica, caughtUp, 0)?.base), [null, 1])
    // A snapshot does not name erasures: it has no text for their seals.
    const snapshot = server.subscribedAt(seq, 0, true)
    const { [erased!]: _, ...open } = snapshot.snapshot!.open
    const anew = Replica.applySubscribed(
      replica,
      { ...snapshot, snapshot: { ...snapshot.snapshot!, open } },
      0
    )
    assert.deepStrictEqual(messageContents(anew?.base), [null, 1])
    assert.deepStrictEqual(messageContents(anew?.confirmed), [null, 1])
  })

  it("a lost connection keeps the logged state and empties the ephemeral state", () => {
    const server = serverWithMessages(1)
    const signal = { from: otherUser, connection: "c", key: "typing", value: true, at: 0 }
    const lost = Replica.markDisconnected({ ...replicaAt(server, 3), signals: [signal] })
    assert.deepStrictEqual([lost.position?.seq, lost.confirmed, lost.signals], [3, server.stateAt(3), []])
  })
})

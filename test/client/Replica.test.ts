/** The invariants at the top of Replica.ts, on its functions alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Replica from "../../src/client/Replica.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import type * as StateHash from "../../src/domain/protocol/StateHash.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { postContents } from "./ClientFixture.ts"
import { me, otherUser, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

/** A server with two members and `posts` posts, and the deltas of its log. */
const serverWithPosts = (posts: number) => {
  const server = new ScriptedServer(me)
  for (let n = 0; n < posts; n++) server.append(uuid(10 + n), otherUser, { _tag: "send_message", content: n })
  return server
}

const subscribedFrom = (server: ScriptedServer, from: number) => ({
  _tag: "subscribed" as const,
  ref_id: uuid(1),
  mode: "deltas" as const,
  position: server.position,
  events: server.log.slice(from),
  presence: [],
  signals: []
})

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
  confirmed: server.stateAt(seq),
  base: server.stateAt(seq),
  state: server.stateAt(seq)
})

describe("Replica", () => {
  it("[SYN3] a delta from the position advances the replica to the fold of the log", () => {
    const server = serverWithPosts(2)
    const advanced = Replica.applyDelta(replicaAt(server, 2), deltaOf(server, 2, 4))
    assert.deepStrictEqual(advanced?.position, { epoch: server.epoch, seq: 4 })
    assert.deepStrictEqual(advanced?.confirmed, server.stateAt(4))
  })

  it("[SYN3] a repeated delta changes nothing, and one after a gap is not applied", () => {
    const server = serverWithPosts(3)
    const replica = replicaAt(server, 4)
    assert.strictEqual(Replica.applyDelta(replica, deltaOf(server, 2, 4)), replica)
    assert.isUndefined(Replica.applyDelta(replica, deltaOf(server, 3, 5)))
    assert.isUndefined(Replica.applyDelta(replicaAt(server, 2), deltaOf(server, 3, 5)))
    assert.isUndefined(Replica.applyDelta({ ...replica, position: undefined }, deltaOf(server, 4, 5)))
  })

  it("[SYN3] events that are not numbered on from the position, or that the kind does not know, are not applied", () => {
    const server = serverWithPosts(3)
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

  it("[SYN7] hashes are compared from the start, until a snapshot differs", () => {
    const server = serverWithPosts(1)
    const wrong = "0000000000000000" as StateHash.StateHash
    const fresh = Replica.make(topic, roomKind)
    assert.isDefined(Replica.verifyHash(fresh, wrong, false).found)
    const { found, replica } = Replica.verifyHash({ ...fresh, confirmed: server.stateAt(1) }, wrong, true)
    assert.isDefined(found)
    assert.isUndefined(Replica.verifyHash(replica, wrong, false).found)
  })

  it("[SYN2] a catch-up must lead from the replica's position to the one it names, in the same epoch", () => {
    const server = serverWithPosts(2)
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
    const server = serverWithPosts(1)
    const command = (n: number, command: unknown) => ({ id: CommandId.make(uuid(n)), command, at: 0, seed: 0 })
    const commands = [
      command(20, { _tag: "send_message", content: "mine" }),
      command(21, { _tag: "delete_entry", key: "x" })
    ]
    const replica = replicaAt(server, 3)
    const rebased = Replica.applyOptimistic(replica, { me, signCommands: false }, commands)
    assert.deepStrictEqual(postContents(rebased.state), [0, "mine"])
    assert.deepStrictEqual(rebased.optimisticCommands, [CommandId.make(uuid(20))])
    assert.strictEqual(rebased.confirmed, replica.confirmed)
    const unloaded = Replica.make(topic, roomKind)
    assert.strictEqual(Replica.applyOptimistic(unloaded, { me, signCommands: false }, commands), unloaded)
  })

  it("a lost connection keeps the logged state and empties the ephemeral state", () => {
    const server = serverWithPosts(1)
    const signal = { from: otherUser, connection: "c", key: "typing", value: true, at: 0 }
    const lost = Replica.markDisconnected({ ...replicaAt(server, 3), signals: [signal] })
    assert.deepStrictEqual([lost.position?.seq, lost.confirmed, lost.signals], [3, server.stateAt(3), []])
  })
})

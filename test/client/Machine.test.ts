import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../src/client/Machine.ts"
import { other, topic, uuid } from "./ScriptedServer.ts"
import { online, posts, replica, World } from "./World.ts"

describe("the client's machine", () => {
  it("[SYN10] what is asked while offline is shown at once and leaves after the reconnect", () => {
    const world = online()
    world.up = false
    world.cut()
    world.command(7, { _tag: "send_message", content: "hello" })
    assert.deepStrictEqual(posts(replica(world).state), ["hello"])
    assert.deepStrictEqual(posts(replica(world).decided), [])
    world.up = true
    world.settle()
    assert.deepStrictEqual(posts(replica(world).decided), ["hello"])
    assert.deepStrictEqual(world.arrivals, [uuid(7)])
  })

  it("[SYN10] the expected is rebased on what others did first", () => {
    const world = online()
    world.command(7, { _tag: "send_message", content: "mine" })
    world.append(uuid(8), other, { _tag: "send_message", content: "theirs" })
    world.deliver()
    assert.deepStrictEqual(posts(replica(world).state), ["theirs", "mine"])
    world.settle()
    assert.deepStrictEqual(posts(replica(world).state), ["theirs", "mine"])
  })

  it("[SYN4][SYN10] what a snapshot may hold already is not shown a second time", () => {
    const world = online()
    world.command(7, { _tag: "send_message", content: "mine" })
    world.serve()
    world.cut() // The receipt and the delta are lost, and so much follows that a snapshot comes.
    for (let n = 20; n < 24; n++) world.append(uuid(n), other, { _tag: "send_message", content: `theirs ${n}` })
    world.pass(20_000)
    while (world.state.replicas.get(topic)?.sync._tag !== "Live") if (!world.serve()) world.deliver()
    assert.deepStrictEqual(posts(replica(world).state).filter((post) => post === "mine"), ["mine"])
    world.settle()
    assert.deepStrictEqual(world.outcomes.get(uuid(7)), [true])
    assert.deepStrictEqual(posts(replica(world).state).filter((post) => post === "mine"), ["mine"])
  })

  it("[SYN10] the states are Connecting, Authenticated, Subscribed, Reconnecting, Disconnected", () => {
    const world = new World()
    const phases = [Machine.phase(world.state)._tag]
    const note = () => {
      const { _tag } = Machine.phase(world.state)
      if (phases.at(-1) !== _tag) phases.push(_tag)
    }
    while (world.serve() || world.deliver()) note()
    world.cut()
    note()
    world.settle()
    note()
    world.put({ _tag: "Stopped" })
    note()
    assert.deepStrictEqual(phases, [
      "Connecting",
      "Authenticated",
      "Subscribed",
      "Reconnecting",
      "Subscribed",
      "Disconnected"
    ])
  })

  it("[SYN9] a batch is its messages, in order", () => {
    const world = online()
    world.append(uuid(8), other, { _tag: "send_message", content: "one" })
    world.append(uuid(9), other, { _tag: "send_message", content: "two" })
    const messages = world.toClient.splice(0) as never
    world.say({ _tag: "batch", messages }, undefined)
    world.deliver()
    assert.deepStrictEqual(posts(replica(world).state), ["one", "two"])
    assert.strictEqual(replica(world).sync._tag, "Live")
  })

  it("[SYN6] a position is acknowledged a while after it was reached", () => {
    const world = online()
    world.append(uuid(8), other, { _tag: "send_message", content: "one" })
    world.deliver()
    world.pass(2_000)
    assert.deepStrictEqual(world.toServer.map((message) => [message.type, message.payload]), [
      ["ack", { seq: 3, matches: 2 }]
    ])
    world.append(uuid(9), other, { _tag: "send_message", content: "two" })
    world.deliver()
    world.pass(2_000)
    assert.deepStrictEqual(world.toServer.at(-1)?.payload, { seq: 4, matches: 1 })
  })
})

/** How a client's copies move, find out that they are wrong, and show what is of the moment. */
import { assert, describe, it } from "@effect/vitest"
import * as StateHash from "../../src/domain/StateHash.ts"
import { other, topic, uuid } from "./ScriptedServer.ts"
import { online, posts, replica, World } from "./World.ts"

describe("a copy", () => {
  it("[SYN3] a delta from elsewhere makes the client ask again for that topic, from its position", () => {
    const world = online()
    world.append(uuid(8), other, { _tag: "send_message", content: "lost" })
    world.lose()
    world.append(uuid(9), other, { _tag: "send_message", content: "seen" })
    world.deliver()
    assert.deepStrictEqual(world.toServer.map((message) => [message.type, message.payload]), [
      ["subscribe", { position: { epoch: "e1", seq: 2 } }]
    ])
    world.settle()
    assert.deepStrictEqual(posts(replica(world).state), ["lost", "seen"])
  })

  it("[CON8] a whole state that comes unasked takes the place of the deltas that were held back", () => {
    const world = online()
    world.append(uuid(8), other, { _tag: "send_message", content: "held" })
    world.append(uuid(9), other, { _tag: "send_message", content: "back" })
    world.lose()
    world.lose()
    world.say({
      _tag: "subscribed",
      ref_id: uuid(0),
      mode: "snapshot",
      position: { epoch: "e1", seq: 4 },
      state: world.at(4) as never,
      presence: [],
      signals: []
    })
    world.settle()
    assert.deepStrictEqual(posts(replica(world).state), ["held", "back"])
    assert.deepStrictEqual(world.toServer, [])
  })

  it("[SYN12] presence and signals come with the subscription and go with the connection", () => {
    const world = online()
    world.say({ _tag: "presence_diff", joins: [{ user: other, connection: "c9", at: 1 }], leaves: [] })
    world.say({ _tag: "signal", from: other, connection: "c9", key: "typing", value: true })
    world.say({ _tag: "signal", from: other, connection: "c9", key: "typing", value: 2 })
    world.settle()
    while (world.deliver());
    assert.deepStrictEqual(replica(world).signals.map((signal) => signal.value), [2])
    world.say({ _tag: "presence_diff", joins: [], leaves: [{ user: other, connection: "c9", at: 1 }] })
    world.deliver()
    assert.deepStrictEqual([replica(world).presence, replica(world).signals], [[], []])
  })

  const sent = (world: World, type: string) =>
    world.intents.flatMap((intent) => intent._tag === "Send" && intent.envelope.type === type ? [intent.envelope] : [])

  it("[SYN7] a copy that folds to another state is reported, given up, and asked for whole", () => {
    const world = online()
    const right = () => StateHash.of(world.at(world.log.length))
    world.said = "0123456789abcdef"
    world.append(uuid(8), other, { _tag: "send_message", content: "one" })
    world.said = undefined
    world.deliver()
    assert.deepStrictEqual(sent(world, "desync").map((message) => [message.thread_id, message.payload]), [
      [topic, { seq: 3, expected: "0123456789abcdef", found: right() }]
    ])
    assert.deepStrictEqual(sent(world, "subscribe").at(-1)?.payload, {})
    world.settle()
    assert.deepStrictEqual(replica(world).position, world.position)
    assert.deepStrictEqual(posts(replica(world).state), ["one"])
    assert.lengthOf(sent(world, "desync"), 1)
  })

  it("[SYN7] a copy that drifts away again and again is asked for later each time, until it holds", () => {
    const world = online()
    const drift = () => {
      world.said = "0123456789abcdef"
      world.append(uuid(100 + world.log.length), other, { _tag: "send_message", content: "x" })
      world.said = undefined
      world.deliver()
      const { sync } = replica(world)
      const wait = sync._tag === "Wanted" ? sync.notBefore - world.now : 0
      world.settle()
      return wait
    }
    assert.deepStrictEqual([drift(), drift(), drift()], [0, 2_000, 4_000])
    world.append(uuid(8), other, { _tag: "send_message", content: "right" })
    world.settle()
    assert.strictEqual(drift(), 0)
  })

  it("[SYN7] where even the snapshot reads as another state, it is reported once and comparing ends", () => {
    const world = new World()
    world.said = "0123456789abcdef"
    world.settle()
    world.append(uuid(8), other, { _tag: "send_message", content: "one" })
    world.settle()
    assert.lengthOf(sent(world, "desync"), 1)
    assert.deepStrictEqual(posts(replica(world).state), ["one"])
    assert.strictEqual(replica(world).sync._tag, "Live")
  })

  const text = (offset: number, text: string, step = "action") =>
    ({ _tag: "chorus_response", prompt_id: uuid(5) as never, loop: 0, step, attempt: 0, offset, text }) as const

  it("[CHO5] running text goes at its offset, and a late joiner has it whole first", () => {
    const world = online()
    const heard = () => replica(world).running.map((running) => running.text)
    for (const piece of [text(0, "Wind "), text(5, "sheds "), text(5, "sheds "), text(20, "beyond")]) {
      world.say(piece)
      world.deliver()
    }
    assert.deepStrictEqual(heard(), ["Wind sheds "])
    world.say(text(0, "Wind sheds vortices"))
    world.deliver()
    assert.deepStrictEqual(heard(), ["Wind sheds vortices"])
    world.say(text(0, "Next", "experience"))
    world.deliver()
    assert.deepStrictEqual(heard(), ["Next"])
  })
})

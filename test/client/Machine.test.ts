import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Machine from "../../src/client/Machine.ts"
import type { Replica } from "../../src/client/Replica.ts"
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import * as StateHash from "../../src/domain/StateHash.ts"
import { me, other, topic, uuid } from "./ScriptedServer.ts"
import { World } from "./World.ts"

const replica = (world: World): Replica => world.state.replicas.get(topic)!
const posts = (state: unknown): ReadonlyArray<unknown> => (state as Room.State).posts.map((post) => post.content)

const online = (): World => {
  const world = new World()
  world.settle()
  return world
}

/** What may happen, in any order; `Post` is ours, `Heard` somebody else's. */
const Happening = Schema.Literals([
  "Post",
  "Heard",
  "Serve",
  "Deliver",
  "Repeat",
  "Lose",
  "Flow",
  "Cut",
  "Down",
  "Up",
  "Pass",
  "Tire",
  "Fail",
  "Restore",
  "Show"
])
type Happening = typeof Happening.Type
/** Most of the time people write and messages flow; trouble is rarer, so that it meets something to trouble. */
const happenings = Arbitrary.schema(Schema.Literals([...Array(8).keys()])).pipe(
  Arbitrary.flatMap((n) =>
    Arbitrary.schema(
      n === 0 ? Happening : Schema.Literals(n < 3 ? ["Post", "Heard"] : ["Serve", "Deliver", "Repeat", "Flow"])
    )
  )
)
// Arbitrary's own sizes are so small that hardly a connection comes about.
const scripts = Arbitrary.array(happenings, { minLength: 12, maxLength: 80 })
const thorough = { arbitrary: { runs: 200, size: 80 } }

const play = (world: World, happening: Happening, n: number): void => {
  switch (happening) {
    case "Post":
      return world.command(n, { _tag: "send_message", content: `mine ${n}` })
    case "Heard":
      return void world.append(uuid(n), other, { _tag: "send_message", content: `theirs ${n}` })
    case "Serve":
      return void world.serve()
    case "Deliver":
      return void world.deliver()
    case "Repeat":
      return void world.deliver(2)
    case "Flow":
      for (let i = 0; i < 6; i++) if (!world.serve()) world.deliver()
      return undefined
    case "Lose":
      return world.lose()
    case "Cut":
      return world.cut()
    case "Down":
      world.up = false
      return world.cut()
    case "Up":
      world.up = true
      return undefined
    case "Pass":
      return world.pass(5_000)
    case "Tire":
      world.next = "rate_limited"
      return undefined
    case "Fail":
      world.next = "unavailable"
      return undefined
    case "Restore":
      return world.restore()
    case "Show":
      return world.put({ _tag: "Shown" })
  }
}

/** Plays a script, checking after every step; then lets everything settle. */
const run = (script: ReadonlyArray<Happening>, check: (world: World) => void): World => {
  const world = online()
  for (const [index, happening] of script.entries()) {
    play(world, happening, 100 + index)
    check(world)
  }
  world.up = true
  world.settle()
  // A last word by somebody else makes a client notice what it missed.
  world.append(uuid(1), other, { _tag: "send_message", content: "last" })
  world.settle()
  check(world)
  return world
}

const withoutRestore = (script: ReadonlyArray<Happening>) => script.filter((it) => it !== "Restore")

describe("the client's machine", () => {
  it.prop("[SYN2][SYN3][TOP2] a copy is always the fold of a prefix of the log", { script: scripts }, ({ script }) => {
    run(withoutRestore(script), (world) => {
      const { decided, position } = replica(world)
      assert.isAtMost(position?.seq ?? 0, world.log.length)
      if (position !== undefined) assert.deepStrictEqual(decided, world.at(position.seq))
    })
  }, thorough)

  it.prop("[SYN7][SYN8] after any history, restored logs included, the copy ends as the log does", {
    script: scripts
  }, ({ script }) => {
    const world = run(script, () => {})
    assert.deepStrictEqual(replica(world).position, world.position)
    assert.deepStrictEqual(replica(world).decided, world.at(world.log.length))
    assert.isFalse(world.intents.some((intent) => intent._tag === "Send" && intent.envelope.type === "desync"))
  }, thorough)

  it.prop("[SYN4][SYN5] a command keeps its id until its one outcome, and is carried out at most once", {
    script: scripts
  }, ({ script }) => {
    const world = run(withoutRestore(script), () => {})
    const given = script.flatMap((it, index) => it === "Post" ? [index] : []).length
    assert.strictEqual(
      [...world.outcomes.values()].filter((outcomes) => outcomes.length === 1).length,
      world.outcomes.size
    )
    assert.strictEqual(world.outcomes.size, withoutRestore(script).filter((it) => it === "Post").length)
    assert.isAtMost(new Set(world.arrivals).size, given)
    const causes = world.log.filter((event) => event.author === me).map((event) => event.cause)
    assert.strictEqual(new Set(causes).size, causes.length)
    for (const [id, [accepted]] of world.outcomes) {
      if (accepted) assert.include(causes as ReadonlyArray<string>, id)
    }
  }, thorough)

  it.prop("[SYN10] nothing expected is shown twice, and once all is decided only the decided is shown", {
    script: scripts
  }, ({ script }) => {
    const world = run(withoutRestore(script), (world) => {
      const shown = posts(replica(world).state)
      assert.strictEqual(new Set(shown).size, shown.length)
    })
    assert.deepStrictEqual(world.state.outbox, [])
    assert.strictEqual(replica(world).state, replica(world).decided)
  }, thorough)

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

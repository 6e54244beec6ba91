/** What holds of the client's machine whatever happens to it, in whatever order. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { me, other, uuid } from "./ScriptedServer.ts"
import { online, posts, replica, type World } from "./World.ts"

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

describe("the client's machine, whatever happens", () => {
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
})

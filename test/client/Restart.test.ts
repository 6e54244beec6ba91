import { assert, describe, it } from "@effect/vitest"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { World } from "./World.ts"

/** How long the client waits at most before it tries again, once its connection has ended with this code. */
const longest = (world: World, code: number): number => {
  const { link } = world.state
  const socket = link._tag === "Connecting" || link._tag === "Online" ? link.socket : -1
  world.put({ _tag: "Closed", socket, code, random: 0.999_999 })
  return world.state.link._tag === "Reconnecting" ? world.state.link.dueAt - world.now : -1
}

describe("a restart that is announced while a client signs in", () => {
  it("[SYN11] it is asked to come back soon, however often it has tried before", () => {
    const world = new World()
    world.settle()
    let waits = longest(world, 1006)
    for (let tries = 0; tries < 5; tries++) {
      world.pass(20_000)
      assert.strictEqual(world.state.link._tag, "Connecting")
      if (tries < 4) waits = longest(world, 1006)
    }
    assert.isAbove(waits, 5_000)
    assert.isAtMost(longest(world, closeCode.restart), 5_000)
    world.settle()
    assert.strictEqual(world.state.link._tag, "Online")
  })
})

/** A topic that the server stops showing in the middle of what we do there (THR10). */
import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../src/domain/Ids.ts"
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import { topic, uuid } from "./ScriptedServer.ts"
import { World } from "./World.ts"

const ref = CommandId.make(uuid(100))

const waiting = (): World => {
  const world = new World()
  world.settle()
  world.command(100, { _tag: "send_message", content: "my last words" })
  return world
}

const receipt = (world: World, seq: number) => {
  world.say({ _tag: "receipt", ref_id: ref, topic, seq }, undefined)
  world.deliver()
}

const putOut = (world: World) => {
  world.say({ _tag: "unsubscribed", ref_id: null })
  world.deliver()
}

const shown = ({ state: { outbox, replicas } }: World) => ({
  outbox: outbox.length,
  posts: (replicas.get(topic)!.state as Room.State).posts.length
})

describe("a topic that is no longer shown", () => {
  it("[SYN10] what was acknowledged is expected no more, when its events were on their way", () => {
    const world = waiting()
    receipt(world, 3)
    assert.deepStrictEqual(shown(world), { outbox: 1, posts: 1 })
    putOut(world)
    assert.deepStrictEqual(shown(world), { outbox: 0, posts: 0 })
  })

  it("[SYN10] nor when the receipt comes afterwards", () => {
    const world = waiting()
    putOut(world)
    assert.deepStrictEqual(shown(world), { outbox: 1, posts: 1 })
    receipt(world, 3)
    assert.deepStrictEqual(shown(world), { outbox: 0, posts: 0 })
  })

  it("[SYN10] nor when it is found out by asking again", () => {
    const world = waiting()
    receipt(world, 3)
    world.cut()
    world.pass(60_000)
    while (world.serve() || world.deliver()) {
      const asked = world.toServer.findIndex(({ type }) => type === "subscribe")
      const [question] = asked === -1 ? [] : world.toServer.splice(asked, 1)
      if (question === undefined) continue
      world.say({ _tag: "error", ref_id: question.id, code: "not_found", message: "", retryable: false })
    }
    assert.strictEqual(world.state.replicas.get(topic)?.sync._tag, "Refused")
    assert.deepStrictEqual(shown(world), { outbox: 0, posts: 0 })
  })
})

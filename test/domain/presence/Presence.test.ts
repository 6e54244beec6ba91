import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Presence from "../../../src/domain/presence/Presence.ts"
import { UserId } from "../../../src/domain/protocol/Ids.ts"

const user = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const entry = (connection: string, at = 0) => ({ user, connection, at })
const join = (...connections: ReadonlyArray<string>) =>
  connections.reduce((state, connection) => Presence.join(state, entry(connection)), Presence.nonePresent)
const names = (entries: ReadonlyArray<{ readonly connection: string }>) =>
  entries.map(({ connection }) => connection).toSorted()

const scripts = Arbitrary.array(
  Arbitrary.schema(Schema.Struct({
    action: Schema.Literals(["join", "leave", "publish"]),
    connection: Schema.Literals(["a", "b"])
  })),
  { maxLength: 40 }
)

describe("the presence of a topic", () => {
  it("[ROO2] has one entry per connection under its user; joining again changes nothing", () => {
    const state = join("a", "b")
    assert.deepStrictEqual(names(Presence.entriesOf(state)), ["a", "b"])
    assert.strictEqual(Presence.join(state, entry("a", 5)), state)
    assert.isTrue(Presence.isUserPresent(Presence.leave(state, "a"), user))
    assert.isFalse(Presence.isUserPresent(Presence.leave(Presence.leave(state, "a"), "b"), user))
  })

  it("[ROO2] publishes joins and leaves as one diff; a connection that came and went is not in it", () => {
    const { published } = Presence.takeDiff(join("a", "b"))
    const changed = [
      (state: Presence.TopicPresence) => Presence.leave(state, "a"),
      (state: Presence.TopicPresence) => Presence.join(state, entry("c")),
      (state: Presence.TopicPresence) => Presence.leave(state, "c")
    ].reduce((state, change) => change(state), published)
    const { diff, published: next } = Presence.takeDiff(changed)
    assert.deepStrictEqual([names(diff!.joins), names(diff!.leaves)], [[], ["a"]])
    assert.isUndefined(Presence.takeDiff(next).diff)
  })

  it("[ROO2] a connection that leaves, returns and leaves again between two diffs is gone after the second", () => {
    const { published } = Presence.takeDiff(join("a"))
    const returned = Presence.join(Presence.leave(published, "a"), entry("a"))
    const { diff } = Presence.takeDiff(returned)
    assert.deepStrictEqual([names(diff!.joins), names(diff!.leaves)], [["a"], []])
    assert.deepStrictEqual(names(Presence.takeDiff(Presence.leave(returned, "a")).diff?.leaves ?? []), ["a"])
  })

  it.prop("[ROO2] a client that applies all diffs sees exactly who is present", { scripts }, ({ scripts }) => {
    let state = Presence.nonePresent
    const replica = new Set<string>()
    const publish = () => {
      const { diff, published } = Presence.takeDiff(state)
      state = published
      for (const { connection } of diff?.leaves ?? []) assert.isTrue(replica.delete(connection))
      const joined = names(diff?.joins ?? [])
      for (const connection of names(diff?.leaves ?? [])) assert.notInclude(joined, connection)
      for (const { connection } of diff?.joins ?? []) replica.add(connection)
    }
    for (const { action, connection } of scripts) {
      if (action === "join") state = Presence.join(state, entry(connection))
      else if (action === "leave") state = Presence.leave(state, connection)
      else publish()
      const isEmpty = Presence.entriesOf(state).length === 0
      assert.strictEqual(Presence.isIdle(state), isEmpty && Presence.takeDiff(state).diff === undefined)
    }
    publish()
    assert.deepStrictEqual([...replica].toSorted(), names(Presence.entriesOf(state)))
    for (const connection of replica) state = Presence.leave(state, connection)
    publish()
    assert.isTrue(Presence.isIdle(state))
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import type { Author } from "../../../src/domain/Ids.ts"
import * as Room from "../../../src/domain/kinds/Room.ts"
import * as Model from "../../../src/domain/kinds/RoomModel.ts"
import { fold } from "../../../src/domain/Topic.ts"
import { id, topic, user } from "../../support/scripts.ts"

const room = Room.room
const empty = room.initial(topic("room:lobby"))
const [alice, bob] = [user(0), user(1)]
const clock: Author = "system:clock"

/** The state after an input, or the code of its refusal. */
const give = (
  state: Model.State,
  input: Model.Command | Model.Answer,
  author: Author = alice,
  now = 1,
  command = "c"
) => {
  const decision = room.decide(state, input, { id: id(command), author, now, seed: 0 })
  if (Result.isFailure(decision)) return decision.failure.code
  return decision.success._tag === "Accept" ? fold(room, state, decision.success.events) : "forwarded"
}

const ok = (outcome: Model.State | string): Model.State => typeof outcome === "string" ? assert.fail(outcome) : outcome

const joined = ok(give(empty, { _tag: "join_room" }))
const post: Model.Command = { _tag: "send_message", content: { text: "hello" } }
const entry = (key: string, ttl_ms?: number): Model.Command => ({
  _tag: "set_entry",
  key,
  value: 1,
  ...(ttl_ms === undefined ? undefined : { ttl_ms })
})
const later = (delay_ms: number): Model.Command => ({
  _tag: "schedule_event",
  event_type: "ring",
  payload: null,
  delay_ms
})

describe("Room", () => {
  it("[ROO1] joining twice is joining once, and leaving is final", () => {
    assert.deepStrictEqual(joined.members, [alice])
    assert.strictEqual(give(joined, { _tag: "join_room" }), joined)
    const left = ok(give(joined, { _tag: "leave_room" }))
    assert.deepStrictEqual(left.members, [])
    assert.strictEqual(give(left, { _tag: "leave_room" }), left)
  })

  it("[ROO1] is open to every signed-in user, but only members add to it", () => {
    assert.isTrue(room.canRead(empty, bob))
    assert.strictEqual(give(joined, post, bob), "forbidden")
    assert.deepStrictEqual(ok(give(joined, post)).posts, [
      { id: id("c"), by: alice, content: { text: "hello" }, at: 1 }
    ])
  })

  it("[ROO1] keeps the newest posts, and takes values up to a size", () => {
    let state = joined
    for (let n = 0; n <= Room.policy.posts; n++) state = ok(give(state, { ...post, content: n } as Model.Command))
    assert.strictEqual(state.posts.length, Room.policy.posts)
    assert.strictEqual(state.posts[0]?.content, 1)
    const most = Room.policy.valueBytes - 2
    ok(give(joined, { _tag: "send_message", content: "x".repeat(most) }))
    assert.strictEqual(give(joined, { _tag: "send_message", content: "x".repeat(most + 1) }), "too_large")
    assert.strictEqual(give(joined, { _tag: "send_message", content: "€".repeat(most / 2) }), "too_large")
  })

  it("[ROO4] an entry stays until it is deleted, or until its time is over", () => {
    const kept = ok(give(joined, entry("k")))
    assert.isUndefined(room.nextWake(kept))
    assert.deepStrictEqual(ok(give(kept, { _tag: "delete_entry", key: "k" })).entries, [])
    assert.strictEqual(give(joined, { _tag: "delete_entry", key: "k" }), "not_found")
    const timed = ok(give(kept, entry("t", 10), alice, 5))
    assert.strictEqual(room.nextWake(timed), 15)
    assert.strictEqual(give(timed, { _tag: "Woke" }, clock, 14), timed)
    assert.deepStrictEqual(ok(give(timed, { _tag: "Woke" }, clock, 15)).entries.map(({ key }) => key), ["k"])
  })

  it("[ROO4] setting an entry again renews it", () => {
    const renewed = ok(give(ok(give(joined, entry("t", 10), alice, 5)), entry("t", 10), alice, 9))
    assert.strictEqual(renewed.entries.length, 1)
    assert.strictEqual(room.nextWake(renewed), 19)
  })

  it("[ROO4] events fire in the order of their time, once", () => {
    const two = ok(give(ok(give(joined, later(20), alice, 0, "b")), later(10), alice, 0, "a"))
    const decision = room.decide(two, { _tag: "Woke" }, { id: id("w"), author: clock, now: 20, seed: 0 })
    assert.isTrue(Result.isSuccess(decision))
    if (Result.isFailure(decision) || decision.success._tag !== "Accept") return
    assert.deepStrictEqual(
      decision.success.events.map((event) => event._tag === "EventFired" ? event.id : event._tag),
      ["a", "b"]
    )
    assert.deepStrictEqual(fold(room, two, decision.success.events).scheduled, [])
  })

  it("[ROO4] only whoever scheduled an event cancels it", () => {
    const waiting = ok(give(ok(give(joined, { _tag: "join_room" }, bob)), later(20), alice, 0, "a"))
    const cancel: Model.Command = { _tag: "cancel_event", event_id: id("a") }
    assert.strictEqual(give(waiting, cancel, bob), "forbidden")
    assert.deepStrictEqual(ok(give(waiting, cancel)).scheduled, [])
    assert.strictEqual(give(joined, cancel), "not_found")
  })

  it("[ROO4] is bounded in entries, events and time", () => {
    let state = joined
    for (let n = 0; n < Room.policy.entries; n++) state = ok(give(state, entry(`${n}`)))
    assert.strictEqual(give(state, entry("more")), "rule_violated")
    ok(give(state, entry("0")))
    for (let n = 0; n < Room.policy.scheduled; n++) state = ok(give(state, later(5), alice, 0, `e${n}`))
    assert.strictEqual(give(state, later(5)), "rule_violated")
    assert.strictEqual(give(joined, entry("k", 0)), "rule_violated")
    assert.strictEqual(give(joined, later(Room.policy.horizon + 1)), "rule_violated")
  })

  it("[AUT4] the clock's messages are not for users, nor users' for the server", () => {
    assert.strictEqual(give(joined, { _tag: "Woke" }, alice), "forbidden")
    assert.strictEqual(give(joined, post, clock), "forbidden")
  })

  const turns = Arbitrary.array(
    Arbitrary.all({
      command: Arbitrary.schema(Model.Command),
      who: Arbitrary.schema(Schema.Literals([alice, bob])),
      wait: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })))
    }),
    { maxLength: 40 }
  )

  it.prop("[TOP2][ROO4] any script leaves a sound state that survives storage", { turns }, ({ turns }) => {
    let [state, now] = [joined, 1]
    for (const [n, { command, wait, who }] of turns.entries()) {
      now += wait
      const outcome = give(state, command, who, now, `t${n}`)
      if (typeof outcome !== "string") state = outcome
      state = ok(give(state, { _tag: "Woke" }, clock, now))
      assert.isTrue((room.nextWake(state) ?? now + 1) > now)
      assert.strictEqual(new Set(state.entries.map(({ key }) => key)).size, state.entries.length)
    }
    const codec = Schema.toCodecJson(Model.State)
    const stored = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
    assert.deepStrictEqual(JSON.stringify(Schema.decodeUnknownSync(codec)(stored)), JSON.stringify(state))
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../../src/domain/protocol/Principal.ts"
import * as Room from "../../../src/domain/room/Room.ts"
import * as RoomModel from "../../../src/domain/room/RoomModel.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { fold, type HostAnswer, upcast } from "../../../src/domain/topic/Topic.ts"
import { inputOf } from "../../support/SealedFixture.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

const room = Room.roomKind
const empty = room.initial(topicId("room:lobby"))
const [alice, bob] = [userId(0), userId(1)]
const clock: Author = "system:clock"

/** The state after an input, or the code of its rejection. */
const applyInput = (
  state: RoomModel.State,
  input: RoomModel.CommandInput | HostAnswer,
  author: Author = alice,
  now = 1,
  command = "c"
) => {
  const decision = room.decide(state, inputOf(room, input), { id: commandId(command), author, now, seed: 0 })
  if (Result.isFailure(decision)) return decision.failure.code
  return decision.success._tag === "Accept" ? fold(room, state, decision.success.events) : "forwarded"
}

const assertAccepted = (outcome: RoomModel.State | string): RoomModel.State =>
  typeof outcome === "string" ? assert.fail(outcome) : outcome

const joined = assertAccepted(applyInput(empty, { _tag: "join_room" }))
const sendMessage: RoomModel.CommandInput = { _tag: "send_message", content: { text: "hello" } }
const setEntry = (key: string, ttl_ms?: number): RoomModel.CommandInput => ({
  _tag: "set_entry",
  key,
  value: 1,
  ...(ttl_ms === undefined ? undefined : { ttl_ms })
})
const scheduleAfter = (delay_ms: number): RoomModel.CommandInput => ({
  _tag: "schedule_event",
  event_type: "ring",
  payload: null,
  delay_ms
})

/** A timer of a room, by the milliseconds until it is due. */
const Timer = Schema.TaggedUnion({
  Entry: { delay: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) },
  Event: { delay: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) }
})

describe("Seqs", () => {
  it("[TOP10] a message, an entry and a scheduled event name the event that holds their text, by which it is erased", () => {
    const commands = [sendMessage, setEntry("a"), sendMessage, setEntry("a"), scheduleAfter(9)]
    const state = commands.reduce(
      (state, command, n) => assertAccepted(applyInput(state, command, alice, 1, `c${n}`)),
      joined
    )
    const seqs = ({ entries, messages, scheduled }: RoomModel.State) =>
      [messages, entries, scheduled].map((texts) => texts.map(({ seq }) => seq))
    assert.deepStrictEqual(seqs(state), [[2, 4], [5], [6]])
    // An erasure is an event too.
    const [message] = state.messages
    const erased = room.decide(state, { _tag: "erase", seq: message!.seq }, {
      id: commandId("e"),
      author: alice,
      now: 2,
      seed: 0,
      past: new Map([[2, {
        principal: principalOf(alice),
        event: { _tag: "MessageSent", id: message!.id, by: alice, content: message!.content, at: 1 }
      }]])
    })
    if (Result.isFailure(erased) || erased.success._tag !== "Accept") return assert.fail("not erased")
    const after = fold(room, state, erased.success.events)
    assert.isNull(after.messages[0]?.content.text)
    assert.deepStrictEqual(seqs(assertAccepted(applyInput(after, sendMessage, alice, 3, "f"))), [[2, 4, 8], [5], [6]])
  })
})

describe("Versions", () => {
  it("[TOP9] a message of version 1 was a post, and all other events are as they were", () => {
    const post = { _tag: "Posted", id: "c", by: alice, content: { c: "A".repeat(43), n: 7 }, at: 1 }
    assert.deepStrictEqual(upcast(room, 1, post), Result.succeed({ ...post, _tag: "MessageSent" }))
    assert.deepStrictEqual(upcast(room, 2, post), Result.succeed(post))
    const others = [{ _tag: "UserJoined", user: alice, at: 1 }, { _tag: "Erased", seq: 2 }]
    for (const event of others) assert.deepStrictEqual(upcast(room, 1, event), Result.succeed(event))
  })
})

describe("Members and messages", () => {
  it("[ROO1] joining and leaving are idempotent", () => {
    assert.deepStrictEqual(joined.members, [alice])
    assert.strictEqual(applyInput(joined, { _tag: "join_room" }), joined)
    const left = assertAccepted(applyInput(joined, { _tag: "leave_room" }))
    assert.deepStrictEqual(left.members, [])
    assert.deepStrictEqual([empty, joined, left].map(({ version }) => version), [0, 1, 2])
    assert.strictEqual(applyInput(left, { _tag: "leave_room" }), left)
  })

  it("[ROO1] every user reads a room, and only members change it", () => {
    assert.isTrue(room.canRead(empty, bob))
    assert.strictEqual(applyInput(joined, sendMessage, bob), "forbidden")
    assert.deepStrictEqual(plain(assertAccepted(applyInput(joined, sendMessage))).messages, [
      { id: commandId("c"), seq: 2, by: alice, content: `{"text":"hello"}`, at: 1 }
    ])
  })

  it("[TOP11] a room keeps its newest messages, and limits the size of values", () => {
    let state = joined
    for (let n = 0; n <= RoomModel.roomLimits.maxMessages; n++) {
      state = assertAccepted(applyInput(state, { ...sendMessage, content: n } as RoomModel.CommandInput))
    }
    assert.strictEqual(state.messages.length, RoomModel.roomLimits.maxMessages)
    assert.strictEqual(state.messages[0]?.content.text, "1")
    const most = RoomModel.roomLimits.maxValueBytes - 2
    assertAccepted(applyInput(joined, { _tag: "send_message", content: "x".repeat(most) }))
    assert.strictEqual(applyInput(joined, { _tag: "send_message", content: "x".repeat(most + 1) }), "too_large")
    assert.strictEqual(applyInput(joined, { _tag: "send_message", content: "€".repeat(most / 2) }), "too_large")
  })
})

describe("Entries and scheduled events", () => {
  it("[ROO4] an entry stays until it is deleted or its TTL ends", () => {
    const kept = assertAccepted(applyInput(joined, setEntry("k")))
    assert.isUndefined(room.nextWake(kept))
    assert.deepStrictEqual(assertAccepted(applyInput(kept, { _tag: "delete_entry", key: "k" })).entries, [])
    assert.strictEqual(applyInput(joined, { _tag: "delete_entry", key: "k" }), "not_found")
    const timed = assertAccepted(applyInput(kept, setEntry("t", 10), alice, 5))
    assert.strictEqual(room.nextWake(timed), 15)
    assert.strictEqual(applyInput(timed, { _tag: "TimerFired" }, clock, 14), timed)
    assert.deepStrictEqual(
      assertAccepted(applyInput(timed, { _tag: "TimerFired" }, clock, 15)).entries.map(({ key }) => key),
      ["k"]
    )
  })

  it("[ROO4] setting an entry again renews its TTL", () => {
    const renewed = assertAccepted(
      applyInput(assertAccepted(applyInput(joined, setEntry("t", 10), alice, 5)), setEntry("t", 10), alice, 9)
    )
    assert.strictEqual(renewed.entries.length, 1)
    assert.strictEqual(room.nextWake(renewed), 19)
  })

  it("[ROO4] scheduled events fire once, in the order of their times", () => {
    const two = assertAccepted(
      applyInput(assertAccepted(applyInput(joined, scheduleAfter(20), alice, 0, "b")), scheduleAfter(10), alice, 0, "a")
    )
    const decision = room.decide(two, { _tag: "TimerFired" }, { id: commandId("w"), author: clock, now: 20, seed: 0 })
    if (Result.isFailure(decision) || decision.success._tag !== "Accept") return assert.fail("not accepted")
    assert.deepStrictEqual(
      decision.success.events.map((event) => event._tag === "EventFired" ? event.id : event._tag),
      ["a", "b"]
    )
    assert.deepStrictEqual(fold(room, two, decision.success.events).scheduled, [])
  })

  it.prop("[ROO4] of several timers each fires at its own time", {
    timers: Arbitrary.array(Arbitrary.schema(Timer), { minLength: 2, maxLength: 8 })
  }, ({ timers }) => {
    let state = timers.reduce(
      (state, { _tag, delay }, n) =>
        assertAccepted(
          applyInput(state, _tag === "Entry" ? setEntry(`${n}`, delay) : scheduleAfter(delay), alice, 0, `${n}`)
        ),
      joined
    )
    for (const due of [...new Set(timers.map(({ delay }) => delay))].sort((a, b) => a - b)) {
      assert.strictEqual(room.nextWake(state), due)
      state = assertAccepted(applyInput(state, { _tag: "TimerFired" }, clock, due))
      const left = timers.flatMap(({ delay }, n) => delay > due ? [`${n}`] : [])
      const ids: ReadonlyArray<string> = [
        ...state.entries.map(({ key }) => key),
        ...state.scheduled.map(({ id }) => id)
      ]
      assert.deepStrictEqual([...ids].sort(), left)
    }
    assert.isUndefined(room.nextWake(state))
  })

  it("[ROO4] only the user who scheduled an event cancels it", () => {
    const waiting = assertAccepted(
      applyInput(assertAccepted(applyInput(joined, { _tag: "join_room" }, bob)), scheduleAfter(20), alice, 0, "a")
    )
    const cancel: RoomModel.CommandInput = { _tag: "cancel_event", event_id: commandId("a") }
    assert.strictEqual(applyInput(waiting, cancel, bob), "forbidden")
    assert.deepStrictEqual(assertAccepted(applyInput(waiting, cancel)).scheduled, [])
    assert.strictEqual(applyInput(joined, cancel), "not_found")
  })

  it("[TOP11] entries, scheduled events and delays are bounded", () => {
    let state = joined
    for (let n = 0; n < RoomModel.roomLimits.maxEntries; n++) {
      state = assertAccepted(applyInput(state, setEntry(`${n}`)))
    }
    assert.strictEqual(applyInput(state, setEntry("more")), "rule_violated")
    assertAccepted(applyInput(state, setEntry("0")))
    for (let n = 0; n < RoomModel.roomLimits.maxScheduledEvents; n++) {
      state = assertAccepted(applyInput(state, scheduleAfter(5), alice, 0, `e${n}`))
    }
    assert.strictEqual(applyInput(state, scheduleAfter(5)), "rule_violated")
    assert.strictEqual(applyInput(joined, setEntry("k", 0)), "rule_violated")
    assert.strictEqual(applyInput(joined, scheduleAfter(RoomModel.roomLimits.maxDelayMillis + 1)), "rule_violated")
  })
})

describe("Properties of a room", () => {
  it("[AUT4] users send no timer, and the server no commands", () => {
    assert.strictEqual(applyInput(joined, { _tag: "TimerFired" }, alice), "forbidden")
    assert.strictEqual(applyInput(joined, sendMessage, clock), "forbidden")
  })

  const turns = Arbitrary.array(
    Arbitrary.all({
      command: Arbitrary.schema(Schema.toEncoded(RoomModel.Command)),
      author: Arbitrary.schema(Schema.Literals([alice, bob])),
      wait: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })))
    }),
    { maxLength: 40 }
  )

  it.prop(
    "[TOP2][ROO4] after any commands the state is valid, has no overdue timer, and survives storage",
    { turns },
    ({ turns }) => {
      let [state, now] = [joined, 1]
      for (const [n, { author, command, wait }] of turns.entries()) {
        now += wait
        const outcome = applyInput(state, command, author, now, `t${n}`)
        if (typeof outcome !== "string") state = outcome
        state = assertAccepted(applyInput(state, { _tag: "TimerFired" }, clock, now))
        assert.isTrue((room.nextWake(state) ?? now + 1) > now)
        assert.strictEqual(new Set(state.entries.map(({ key }) => key)).size, state.entries.length)
      }
      const codec = Schema.toCodecJson(RoomModel.State)
      const stored = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
      assert.deepStrictEqual(JSON.stringify(Schema.decodeUnknownSync(codec)(stored)), JSON.stringify(state))
    }
  )
})

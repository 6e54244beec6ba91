/** Whatever a wrong rule would do to a room is refused, with exactly the faults that it has. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import { type CommandInput, roomLimits, type State } from "../../../src/domain/room/RoomModel.ts"
import { type HostAnswer, step } from "../../../src/domain/topic/Topic.ts"
import { changeLast, type PlantedFault, refusedFaults, type Situation } from "../../support/InvalidChange.ts"
import { inputOf, sealed } from "../../support/SealedFixture.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

const [alice, bob, carol] = [userId(0), userId(1), userId(2)]

type Input = CommandInput | HostAnswer

const after = (state: State, ...inputs: ReadonlyArray<readonly [Author, Input]>): State =>
  inputs.reduce<State>((current, [author, input], n) => {
    const applied = Result.getOrThrow(
      step(roomKind, current, inputOf(roomKind, input), { id: commandId(`c${n}`), author, now: 1, seed: 0 })
    )
    return "state" in applied ? applied.state : current
  }, state)

const busy = after(
  roomKind.initial(topicId("room:t")),
  [alice, { _tag: "join_room" }],
  [bob, { _tag: "join_room" }],
  [alice, { _tag: "send_message", content: "one" }],
  [bob, { _tag: "send_message", content: "two" }],
  [alice, { _tag: "set_entry", key: "a", value: 1 }],
  [alice, { _tag: "set_entry", key: "b", value: 2, ttl_ms: 5 }],
  [alice, { _tag: "schedule_event", event_type: "x", payload: 1, delay_ms: 5 }],
  [bob, { _tag: "schedule_event", event_type: "y", payload: 2, delay_ms: 3_000_000 }]
)
const full: State = {
  ...busy,
  messages: Array.from({ length: roomLimits.maxMessages }, (_, n) => ({ ...busy.messages[0]!, id: commandId(`${n}`) }))
}
const situation = (author: Author, input: Input, state: State = busy): Situation<State> => ({
  state,
  author,
  input: inputOf(roomKind, input)
})

const situations = {
  join: situation(carol, { _tag: "join_room" }),
  leave: situation(bob, { _tag: "leave_room" }),
  send: situation(alice, { _tag: "send_message", content: "three" }),
  sendInFull: situation(alice, { _tag: "send_message", content: "more" }, full),
  set: situation(bob, { _tag: "set_entry", key: "a", value: 3 }),
  setNew: situation(bob, { _tag: "set_entry", key: "c", value: 3 }),
  delete: situation(bob, { _tag: "delete_entry", key: "a" }),
  schedule: situation(alice, { _tag: "schedule_event", event_type: "z", payload: 3, delay_ms: 5 }),
  cancel: situation(alice, { _tag: "cancel_event", event_id: busy.scheduled[0]!.id }),
  wake: situation("system:clock", { _tag: "TimerFired" })
} satisfies Record<string, Situation<State>>

const withField =
  <K extends keyof State>(name: K, value: (next: State, old: State) => State[K]): PlantedFault<State> =>
  (
    next,
    old
  ) => ({
    ...next,
    [name]: value(next, old)
  })
const ignoring = (name: keyof State): PlantedFault<State> => withField(name, (_, old) => old[name])
const numbered = <A>(length: number, of: (n: number) => A): ReadonlyArray<A> => Array.from({ length }, (_, n) => of(n))

const cases: ReadonlyArray<readonly [faults: string, name: keyof typeof situations, spoil: PlantedFault<State>]> = [
  ["the room's id changed", "send", withField("id", () => topicId("room:u"))],
  ["the version does not grow by one per event", "send", ignoring("version")],

  [
    "a member is there twice; a member did not join",
    "send",
    withField("members", ({ members }) => [...members, alice])
  ],
  ["a member did not join", "send", withField("members", ({ members }) => [...members, carol])],
  ["a member did not leave", "leave", withField("members", () => [])],
  ["a member did not leave", "send", withField("members", ({ members }) => members.slice(1))],
  [
    "too many members; a member did not join",
    "send",
    withField("members", ({ members }) => [
      ...members,
      ...numbered(roomLimits.maxMembers, (n) => `m${n}` as typeof alice)
    ])
  ],

  ["a member is missing", "join", ignoring("members")],
  ["a member who left is still there", "leave", ignoring("members")],
  ["an entry is missing", "setNew", ignoring("entries")],
  ["a removed entry is still there", "delete", ignoring("entries")],
  ["a removed entry is still there", "wake", ignoring("entries")],
  ["a scheduled event is missing", "schedule", ignoring("scheduled")],
  ["an event that is over is still scheduled", "cancel", ignoring("scheduled")],
  ["an event that is over is still scheduled", "wake", ignoring("scheduled")],

  ["a message is missing", "send", ignoring("messages")],
  [
    "a message is missing; a message changed or moved",
    "send",
    withField("messages", ({ messages }) => messages.slice(1))
  ],
  [
    "a message changed or moved",
    "send",
    withField("messages", ({ messages }) => messages.with(0, { ...messages[0]!, content: sealed("7") }))
  ],
  [
    "a message changed or moved",
    "send",
    withField("messages", ({ messages }) => [messages[1]!, messages[0]!, messages[2]!])
  ],
  ["a message was not sent", "send", withField("messages", ({ messages }) => [...messages, messages[0]!])],
  ["a message was not sent", "set", withField("messages", ({ messages }) => [...messages, messages[0]!])],
  [
    "a message is by a user who is no member",
    "send",
    withField("messages", ({ messages }) => changeLast(messages, { by: carol }))
  ],
  [
    "too many messages; a message changed or moved; a message was not sent",
    "sendInFull",
    withField("messages", ({ messages }, old) => [old.messages[0]!, ...messages])
  ],

  [
    "two entries have one key; an entry was not set",
    "set",
    withField("entries", ({ entries }) => [...entries, entries[0]!])
  ],
  ["an entry was not set", "send", withField("entries", ({ entries }) => [...entries, { ...entries[0]!, key: "c" }])],
  [
    "an entry was not set",
    "set",
    withField("entries", ({ entries }) => changeLast(entries, { value: sealed("7") }))
  ],
  [
    "an entry was removed that was not deleted and has not expired",
    "delete",
    withField("entries", () => [])
  ],
  [
    "an entry was removed that was not deleted and has not expired",
    "wake",
    withField("entries", () => [])
  ],
  [
    "too many entries; an entry was not set",
    "send",
    withField(
      "entries",
      ({ entries }) => numbered(roomLimits.maxEntries + 1, (n) => entries[n] ?? { ...entries[0]!, key: `${n}` })
    )
  ],
  [
    "an entry was not set; an entry is by a user who is no member",
    "set",
    withField("entries", ({ entries }) => changeLast(entries, { by: carol }))
  ],

  [
    "two scheduled events have one id; an event was not scheduled",
    "send",
    withField("scheduled", ({ scheduled }) => [...scheduled, scheduled[0]!])
  ],
  [
    "an event was not scheduled",
    "send",
    withField("scheduled", ({ scheduled }) => [...scheduled, { ...scheduled[0]!, id: commandId("new") }])
  ],
  [
    "a scheduled event is by a user who is no member",
    "schedule",
    withField("scheduled", ({ scheduled }) => changeLast(scheduled, { by: carol }))
  ],
  [
    "a scheduled event changed",
    "send",
    withField("scheduled", ({ scheduled }) => scheduled.with(0, { ...scheduled[0]!, due_at: 0 }))
  ],
  [
    "a scheduled event was removed that did not fire and was not cancelled by its author",
    "wake",
    withField("scheduled", () => [])
  ],
  [
    "too many scheduled events; an event was not scheduled",
    "send",
    withField(
      "scheduled",
      ({ scheduled }) =>
        numbered(roomLimits.maxScheduledEvents + 1, (n) => scheduled[n] ?? { ...scheduled[0]!, id: commandId(`${n}`) })
    )
  ]
]

describe("RoomInvariants", () => {
  it("[THR8] valid changes pass", () => {
    for (const one of Object.values(situations)) {
      assert.deepStrictEqual(refusedFaults(roomKind, one, (next) => next), [])
    }
  })

  it.each(cases)("[THR8] nothing is stored: %s", (faults, name, spoil) => {
    assert.deepStrictEqual(refusedFaults(roomKind, situations[name], spoil), faults.split("; "))
  })
})

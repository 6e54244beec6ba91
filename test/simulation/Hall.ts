/** The room where everybody is, and what comes to people's minds about it. */
import { TopicId, type UserId } from "../../src/domain/Ids.ts"
import type * as RoomModel from "../../src/domain/kinds/RoomModel.ts"
import type { Dice } from "./Dice.ts"

export const hall = TopicId.make("room:hall")

/** A command for the room, `state` being what they last saw of it. */
export const idea = (dice: Dice, me: UserId, state: RoomModel.State, text: () => string): RoomModel.Command => {
  if (!state.members.includes(me)) return { _tag: "join_room" }
  const key = `k${dice.int(0, 3)}`
  const [event] = state.scheduled
  return dice.pick<RoomModel.Command>([
    { _tag: "send_message", content: text() },
    { _tag: "send_message", content: { n: dice.int(0, 9) } },
    { _tag: "set_entry", key, value: dice.int(0, 99), ttl_ms: dice.int(100, 5_000) },
    { _tag: "set_entry", key, value: text() },
    { _tag: "delete_entry", key },
    { _tag: "schedule_event", event_type: "ring", payload: null, delay_ms: dice.int(0, 4_000) },
    event === undefined ? { _tag: "join_room" } : { _tag: "cancel_event", event_id: event.id },
    dice.chance(0.2) ? { _tag: "leave_room" } : { _tag: "send_message", content: null }
  ])
}

/** The workload on a room: messages, entries with and without expiry, scheduled events, joining and leaving. */
import { TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import type * as RoomModel from "../../../domain/room/RoomModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"

/** The topic. */
export const sharedRoom = TopicId.make("room:hall")

/** The next command of a user; `state` is their last replica of the room. */
export const nextRoomCommand = (
  random: SeededRandom,
  user: UserId,
  state: RoomModel.State,
  makeText: () => string
): RoomModel.CommandInput => {
  if (!state.members.includes(user)) return { _tag: "join_room" }
  const key = `k${random.int(0, 3)}`
  const [scheduledEvent] = state.scheduled
  return random.pick<RoomModel.CommandInput>([
    { _tag: "send_message", content: makeText() },
    { _tag: "send_message", content: { n: random.int(0, 9) } },
    { _tag: "set_entry", key, value: random.int(0, 99), ttl_ms: random.int(100, 5_000) },
    { _tag: "set_entry", key, value: makeText() },
    { _tag: "delete_entry", key },
    { _tag: "schedule_event", event_type: "ring", payload: null, delay_ms: random.int(0, 4_000) },
    scheduledEvent === undefined ? { _tag: "join_room" } : { _tag: "cancel_event", event_id: scheduledEvent.id },
    random.chance(0.2) ? { _tag: "leave_room" } : { _tag: "send_message", content: null }
  ])
}

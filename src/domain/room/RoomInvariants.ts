/**
 * The invariants of a room, checked once more after every decision and before anything is stored (THR8). The rules of
 * single commands imply them; a violation is a defect of a rule.
 *
 * 1. A room keeps its id, and its version grows by one per event.
 * 2. Members are different users, at most `maxMembers` (ROO1). One is Created by joining and Deleted by leaving.
 * 3. A message is Created at the end, by a member. It is never Updated, and Deleted only as the oldest of more than
 *    `maxMessages` (TOP11).
 * 4. Entries have different keys, at most `maxEntries` (ROO4). One is Created or Updated by a member who sets it, and
 *    Deleted by deletion or at the end of its TTL.
 * 5. Scheduled events have different ids, at most `maxScheduledEvents` (ROO4). One is Created by a member, never Updated,
 *    and Deleted when it is cancelled or fires.
 */
import type { CommandId, UserId } from "../protocol/Ids.ts"
import { type Change, Faults, isSameRange, transitionsOf } from "../topic/Transition.ts"
import { type Event, roomLimits, type State } from "./RoomModel.ts"

type RoomChange = Change<State, Event>

/** The faults of a change of a room (THR8). The lists are bounded, and only those that changed are read. */
export const validate = (change: RoomChange): ReadonlyArray<string> => {
  const { events, new: next, old } = change
  const faults = new Faults()
  faults.when(next.id !== old.id, "the room's id changed")
  faults.when(next.version !== old.version + events.length, "the version does not grow by one per event")
  for (const event of events) validateEffect(next, event, faults)
  validateMembers(change, faults)
  validateMessages(change, faults)
  validateEntries(change, faults)
  validateScheduled(change, faults)
  return faults.found
}

const hasDuplicates = (values: ReadonlyArray<string>): boolean => new Set(values).size < values.length

/** Whether a user was a member before the change, or joined by it. */
const wasMember = ({ events, old }: RoomChange, user: UserId): boolean =>
  old.members.includes(user) || events.some((event) => event._tag === "UserJoined" && event.user === user)

/** What an event states is so in the state after it. Messages are counted by `validateMessages`. */
const validateEffect = ({ entries, members, scheduled }: State, event: Event, faults: Faults): void => {
  const isScheduled = (id: CommandId) => scheduled.some((other) => other.id === id)
  const hasEntry = (...keys: ReadonlyArray<string>) => entries.some(({ key }) => keys.includes(key))
  switch (event._tag) {
    case "UserJoined":
      return faults.when(!members.includes(event.user), "a member is missing")
    case "UserLeft":
      return faults.when(members.includes(event.user), "a member who left is still there")
    case "EntrySet":
      return faults.when(!hasEntry(event.key), "an entry is missing")
    case "EntryDeleted":
      return faults.when(hasEntry(event.key), "a removed entry is still there")
    case "EntriesExpired":
      return faults.when(hasEntry(...event.keys), "a removed entry is still there")
    case "EventScheduled":
      return faults.when(!isScheduled(event.id), "a scheduled event is missing")
    case "EventCancelled":
    case "EventFired":
      return faults.when(isScheduled(event.id), "an event that is over is still scheduled")
    case "MessageSent":
  }
}

const validateMembers = ({ events, new: next, old }: RoomChange, faults: Faults): void => {
  if (next.members === old.members) return
  faults.when(hasDuplicates(next.members), "a member is there twice")
  faults.when(next.members.length > roomLimits.maxMembers, "too many members")
  const has = (tag: "UserJoined" | "UserLeft", user: UserId) =>
    events.some((event) => event._tag === tag && event.user === user)
  for (const transition of transitionsOf(old.members, next.members, (user) => user)) {
    if (transition._tag === "Created") faults.when(!has("UserJoined", transition.new), "a member did not join")
    if (transition._tag === "Deleted") faults.when(!has("UserLeft", transition.old), "a member did not leave")
  }
}

const validateMessages = (change: RoomChange, faults: Faults): void => {
  const { events, new: { messages }, old } = change
  const sent = events.filter((event) => event._tag === "MessageSent")
  if (messages === old.messages && sent.length === 0) return
  const expected = Math.min(old.messages.length + sent.length, roomLimits.maxMessages)
  faults.when(messages.length > roomLimits.maxMessages, "too many messages")
  faults.when(messages.length < expected, "a message is missing")
  const dropped = old.messages.length + sent.length - expected
  const kept = old.messages.length - dropped
  faults.when(!isSameRange(old.messages, dropped, messages, kept), "a message changed or moved")
  const added = messages.slice(kept)
  faults.when(
    added.length > sent.length || added.some((message, n) => message.id !== sent.slice(-added.length)[n]?.id),
    "a message was not sent"
  )
  faults.when(added.some(({ by }) => !wasMember(change, by)), "a message is by a user who is no member")
}

const validateEntries = (change: RoomChange, faults: Faults): void => {
  const { events, new: { entries }, old } = change
  if (entries === old.entries) return
  faults.when(hasDuplicates(entries.map(({ key }) => key)), "two entries have one key")
  faults.when(entries.length > roomLimits.maxEntries, "too many entries")
  const isRemoved = (key: string) =>
    events.some((event) =>
      event._tag === "EntryDeleted" && event.key === key || event._tag === "EntriesExpired" && event.keys.includes(key)
    )
  for (const transition of transitionsOf(old.entries, entries, ({ key }) => key)) {
    if (transition._tag === "Deleted") {
      faults.when(!isRemoved(transition.old.key), "an entry was removed that was not deleted and has not expired")
      continue
    }
    const { by, key, value } = transition.new
    const wasSet = events.some((event) =>
      event._tag === "EntrySet" && event.key === key && event.value === value && event.by === by
    )
    faults.when(!wasSet, "an entry was not set")
    faults.when(!wasMember(change, by), "an entry is by a user who is no member")
  }
}

const validateScheduled = (change: RoomChange, faults: Faults): void => {
  const { events, new: { scheduled }, old } = change
  if (scheduled === old.scheduled) return
  faults.when(hasDuplicates(scheduled.map(({ id }) => id)), "two scheduled events have one id")
  faults.when(scheduled.length > roomLimits.maxScheduledEvents, "too many scheduled events")
  for (const transition of transitionsOf(old.scheduled, scheduled, ({ id }) => id)) {
    switch (transition._tag) {
      case "Created": {
        const { by, id } = transition.new
        faults.when(
          !events.some((event) => event._tag === "EventScheduled" && event.id === id),
          "an event was not scheduled"
        )
        faults.when(!wasMember(change, by), "a scheduled event is by a user who is no member")
        break
      }
      case "Updated":
        faults.when(true, "a scheduled event changed")
        break
      case "Deleted": {
        const { by, id } = transition.old
        const isOver = events.some((event) =>
          event._tag === "EventCancelled" && event.id === id && event.by === by ||
          event._tag === "EventFired" && event.id === id
        )
        faults.when(!isOver, "a scheduled event was removed that did not fire and was not cancelled by its author")
      }
    }
  }
}

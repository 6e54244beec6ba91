/**
 * The kind `room`: join, leave, send messages, share entries with a TTL, and schedule events (ROO1, ROO4). A room
 * exists under every name and is readable by every authenticated user; only members change it. Presence and signals are
 * not part of a room's log.
 */
import type { Schema } from "effect"
import { type Instant, isUser, type TopicId, type UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { utf8ByteLength } from "../topic/MessageContent.ts"
import type { SealedText } from "../topic/SealedText.ts"
import { accept, type CommandContext, define, type HostAnswer, reject } from "../topic/Topic.ts"
import * as RoomInvariants from "./RoomInvariants.ts"
import * as RoomModel from "./RoomModel.ts"
import { type Command, type Event, roomLimits, type State } from "./RoomModel.ts"

const initial = (id: TopicId): State => ({ id, members: [], messages: [], entries: [], scheduled: [], version: 0 })

// -- Decisions ---------------------------------------------------------------

/** The events of an input, or its rejection. */
type EventsOrRejection = ReadonlyArray<Event> | Rejection

const decide = (state: State, input: Command | HostAnswer, context: CommandContext) => {
  const result = decideInput(state, input, context)
  return "code" in result ? reject(result) : accept<Event>(...result)
}

const decideInput = (
  state: State,
  input: Command | HostAnswer,
  { author, id, now }: CommandContext
): EventsOrRejection => {
  if (input._tag === "CommandOutcome" || input._tag === "TimerFired" || input._tag === "IntentFailed") {
    return isUser(author)
      ? makeRejection("forbidden", "AUT4", "only the server sends this message")
      : fireDueTimers(state, now)
  }
  if (!isUser(author)) return makeRejection("forbidden", "AUT4", "only users send commands to rooms")
  const isMember = state.members.includes(author)
  if (input._tag === "join_room") {
    if (isMember) return []
    return state.members.length < roomLimits.maxMembers
      ? [{ _tag: "UserJoined", user: author, at: now }]
      : makeRejection(
        "rule_violated",
        "ROO1",
        `the room is full: ${roomLimits.maxMembers} members; try again when one has left`
      )
  }
  if (input._tag === "leave_room") return isMember ? [{ _tag: "UserLeft", user: author, at: now }] : []
  return isMember
    ? decideMemberCommand(state, input, { id, now, user: author })
    : makeRejection("forbidden", "ROO1", "you are not a member: join the room first")
}

type MemberCommand = Exclude<Command, { readonly _tag: "join_room" | "leave_room" }>
type Actor = { readonly id: CommandContext["id"]; readonly now: Instant; readonly user: UserId }

const decideMemberCommand = (state: State, command: MemberCommand, actor: Actor): EventsOrRejection => {
  const { id, now, user } = actor
  switch (command._tag) {
    case "send_message":
      return rejectIfTooLarge(command.content) ??
        [{ _tag: "MessageSent", at: now, by: user, content: command.content, id }]
    case "set_entry":
      return setEntry(state, command, actor)
    case "delete_entry":
      return state.entries.some((entry) => entry.key === command.key)
        ? [{ _tag: "EntryDeleted", key: command.key, by: user, at: now }]
        : makeRejection("not_found", "ROO4", "this room has no entry with this key")
    case "schedule_event":
      return scheduleEvent(state, command, actor)
    case "cancel_event": {
      const event = state.scheduled.find((event) => event.id === command.event_id)
      if (event === undefined) {
        return makeRejection("not_found", "ROO4", "this room has no scheduled event with this id")
      }
      return event.by === user
        ? [{ _tag: "EventCancelled", id: event.id, by: user, at: now }]
        : makeRejection("forbidden", "ROO4", "only the user who scheduled an event can cancel it")
    }
  }
}

/** ROO4: sets an entry, or replaces it and its TTL. */
const setEntry = (
  state: State,
  { key, ttl_ms, value }: Extract<Command, { readonly _tag: "set_entry" }>,
  { now, user }: Actor
): EventsOrRejection => {
  const rejection = rejectIfTooLarge(value) ?? rejectIfTooFarAhead(ttl_ms)
  if (rejection !== undefined) return rejection
  if (ttl_ms === 0) {
    return makeRejection(
      "rule_violated",
      "ROO4",
      "a TTL is at least one millisecond: leave it out for an entry that stays"
    )
  }
  if (!state.entries.some((entry) => entry.key === key) && state.entries.length >= roomLimits.maxEntries) {
    return makeRejection(
      "rule_violated",
      "ROO4",
      `the room has ${roomLimits.maxEntries} entries: delete one first`
    )
  }
  return [{ _tag: "EntrySet", at: now, by: user, expires_at: ttl_ms === undefined ? null : now + ttl_ms, key, value }]
}

/** ROO4: schedules an event under the command's id. */
const scheduleEvent = (
  state: State,
  { delay_ms, event_type, payload }: Extract<Command, { readonly _tag: "schedule_event" }>,
  { id, now, user }: Actor
): EventsOrRejection => {
  const rejection = rejectIfTooLarge(payload) ?? rejectIfTooFarAhead(delay_ms)
  if (rejection !== undefined) return rejection
  if (state.scheduled.some((event) => event.id === id)) {
    return makeRejection("id_conflict", "SYN4", "an event with this id is scheduled already")
  }
  return state.scheduled.length < roomLimits.maxScheduledEvents
    ? [{ _tag: "EventScheduled", id, event_type, payload, by: user, due_at: now + delay_ms, at: now }]
    : makeRejection(
      "rule_violated",
      "ROO4",
      `${roomLimits.maxScheduledEvents} events are scheduled: cancel one first`
    )
}

const rejectIfTooLarge = ({ text }: SealedText): Rejection | undefined => {
  const bytes = utf8ByteLength(text ?? "")
  return bytes > roomLimits.maxValueBytes
    ? makeRejection(
      "too_large",
      "ROO4",
      `the value has ${bytes} bytes as JSON: shorten it to ${roomLimits.maxValueBytes}`
    )
    : undefined
}

const rejectIfTooFarAhead = (millis: number | undefined): Rejection | undefined =>
  millis !== undefined && millis > roomLimits.maxDelayMillis
    ? makeRejection("rule_violated", "ROO4", "a TTL or delay is at most 365 days")
    : undefined

/** ROO4: expired entries are removed, and due events fire in the order of their times. */
const fireDueTimers = (state: State, now: Instant): ReadonlyArray<Event> => {
  const expiredKeys = state.entries.filter(({ expires_at }) => expires_at !== null && expires_at <= now).map((
    { key }
  ) => key)
  const dueEvents = state.scheduled.filter((event) => event.due_at <= now).sort((a, b) => a.due_at - b.due_at)
  return [
    ...(expiredKeys.length === 0 ? [] : [{ _tag: "EntriesExpired", keys: expiredKeys, at: now } as const]),
    ...dueEvents.map(({ by, event_type, id, payload }) =>
      ({ _tag: "EventFired", id, event_type, payload, by, at: now }) as const
    )
  ]
}

/** ROO4: when the next entry expires or event fires; also after a restart, since both are in the state (TOP6). */
const nextWake = (state: State): Instant | undefined => {
  const times = [
    ...state.entries.flatMap(({ expires_at }) => expires_at === null ? [] : [expires_at]),
    ...state.scheduled.map(({ due_at }) => due_at)
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

// -- Evolution ---------------------------------------------------------------

const evolve = (previous: State, event: Event): State => {
  const seq = previous.version + 1
  const state = { ...previous, version: seq }
  switch (event._tag) {
    case "UserJoined":
      return { ...state, members: [...state.members, event.user] }
    case "UserLeft":
      return { ...state, members: state.members.filter((user) => user !== event.user) }
    case "MessageSent": {
      const { at, by, content, id } = event
      return { ...state, messages: appendNewest(state.messages, { id, seq, by, content, at }, roomLimits.maxMessages) }
    }
    case "EntrySet": {
      const { at, by, expires_at, key, value } = event
      return { ...state, entries: [...entriesWithout(state, [key]), { key, seq, value, by, at, expires_at }] }
    }
    case "EntryDeleted":
      return { ...state, entries: entriesWithout(state, [event.key]) }
    case "EntriesExpired":
      return { ...state, entries: entriesWithout(state, event.keys) }
    case "EventScheduled": {
      const { by, due_at, event_type, id, payload } = event
      return { ...state, scheduled: [...state.scheduled, { id, seq, event_type, payload, by, due_at }] }
    }
    case "EventCancelled":
    case "EventFired":
      return { ...state, scheduled: state.scheduled.filter((scheduled) => scheduled.id !== event.id) }
  }
}

/** A list with an item at its end, and without its oldest ones beyond `max`. Copied once, for each message of a room. */
const appendNewest = <A>(list: ReadonlyArray<A>, item: A, max: number): ReadonlyArray<A> => {
  const dropped = Math.max(0, list.length + 1 - max)
  const kept = list.length - dropped
  const next = Array<A>(kept + 1)
  for (let i = 0; i < kept; i++) next[i] = list[dropped + i]!
  next[kept] = item
  return next
}

const entriesWithout = (state: State, keys: ReadonlyArray<string>): State["entries"] =>
  state.entries.filter((entry) => !keys.includes(entry.key))

// -- Versions ----------------------------------------------------------------

/** TOP9: in version 1, a message was a post: `Posted` in the log, and `posts` in the state. */
const upcastPosted = (event: Schema.Json): Schema.Json =>
  typeof event === "object" && event !== null && "_tag" in event && event._tag === "Posted"
    ? { ...event, _tag: "MessageSent" }
    : event

/** The kind of a room. Rooms are found by name and are in no list. */
export const roomKind = define({
  name: "room",
  version: 2,
  upcasters: { 1: upcastPosted },
  State: RoomModel.State,
  Command: RoomModel.Command,
  Event: RoomModel.Event,
  initial,
  decide,
  evolve,
  nextWake,
  validate: RoomInvariants.validate,
  authorsOf: (event) => event._tag === "EventFired" ? [event.by] : undefined,
  evolveErased: (state) => ({ ...state, version: state.version + 1 })
})

/**
 * The plain room: join, leave, post, shared entries that expire, events that
 * fire later (ROO1, ROO4). A room is there as soon as somebody names it and
 * open to every signed-in user; adding to it takes having joined.
 */
import { type Instant, isUser, type TopicId, type UserId } from "../Ids.ts"
import { reject, type Rejection } from "../Rejection.ts"
import { accept, type Context, type Kind, refuse } from "../Topic.ts"
import * as Model from "./RoomModel.ts"
import type { Answer, Command, Event, State } from "./RoomModel.ts"
import { utf8Length } from "./Text.ts"

/** The bounds of a room. Sizes are bytes of JSON as UTF-8, times milliseconds. */
export const policy = {
  members: 1_024,
  posts: 256,
  entries: 256,
  scheduled: 64,
  valueBytes: 16_384,
  /** The longest TTL and delay: a year. */
  horizon: 365 * 24 * 60 * 60_000
} as const

const initial = (id: TopicId): State => ({ id, members: [], posts: [], entries: [], scheduled: [], version: 0 })

// -- Decisions ---------------------------------------------------------------

/** Events, or why not. */
type Verdict = ReadonlyArray<Event> | Rejection

const decide = (state: State, input: Command | Answer, context: Context) => {
  const verdict = judge(state, input, context)
  return "code" in verdict ? refuse(verdict) : accept<Event>(...verdict)
}

const judge = (state: State, input: Command | Answer, { author, id, now }: Context): Verdict => {
  if (input._tag === "Told" || input._tag === "Woke") {
    return isUser(author) ? reject("forbidden", "AUT4", "this is not for people to send") : due(state, now)
  }
  if (!isUser(author)) return reject("forbidden", "AUT4", "only people act in rooms")
  const member = state.members.includes(author)
  if (input._tag === "join_room") {
    if (member) return []
    return state.members.length < policy.members
      ? [{ _tag: "UserJoined", user: author, at: now }]
      : reject("rule_violated", "ROO1", `the room is full: it holds ${policy.members} members`)
  }
  if (input._tag === "leave_room") return member ? [{ _tag: "UserLeft", user: author, at: now }] : []
  return member
    ? act(state, input, { id, now, user: author })
    : reject("forbidden", "ROO1", "join the room first")
}

type Act = Exclude<Command, { readonly _tag: "join_room" | "leave_room" }>
type By = { readonly id: Context["id"]; readonly now: Instant; readonly user: UserId }

const act = (state: State, command: Act, by: By): Verdict => {
  const { id, now, user } = by
  switch (command._tag) {
    case "send_message":
      return tooLarge(command.content) ?? [{ _tag: "Posted", id, by: user, content: command.content, at: now }]
    case "set_entry":
      return setEntry(state, command, by)
    case "delete_entry":
      return state.entries.some((entry) => entry.key === command.key)
        ? [{ _tag: "EntryDeleted", key: command.key, by: user, at: now }]
        : reject("not_found", "ROO4", "the room has no entry under this key")
    case "schedule_event":
      return schedule(state, command, by)
    case "cancel_event": {
      const event = state.scheduled.find((event) => event.id === command.event_id)
      if (event === undefined) return reject("not_found", "ROO4", "no such event is waiting in this room")
      return event.by === user
        ? [{ _tag: "EventCancelled", id: event.id, by: user, at: now }]
        : reject("forbidden", "ROO4", "only whoever scheduled an event can cancel it")
    }
  }
}

const setEntry = (
  state: State,
  { key, ttl_ms, value }: Extract<Command, { readonly _tag: "set_entry" }>,
  { now, user }: By
): Verdict => {
  const fault = tooLarge(value) ?? tooFar(ttl_ms)
  if (fault !== undefined) return fault
  if (ttl_ms === 0) return reject("rule_violated", "ROO4", "a TTL is at least one millisecond")
  if (!state.entries.some((entry) => entry.key === key) && state.entries.length >= policy.entries) {
    return reject("rule_violated", "ROO4", `the room holds ${policy.entries} entries already; delete one first`)
  }
  return [{ _tag: "EntrySet", key, value, by: user, at: now, expires_at: ttl_ms === undefined ? null : now + ttl_ms }]
}

const schedule = (
  state: State,
  { delay_ms, event_type, payload }: Extract<Command, { readonly _tag: "schedule_event" }>,
  { id, now, user }: By
): Verdict => {
  const fault = tooLarge(payload) ?? tooFar(delay_ms)
  if (fault !== undefined) return fault
  if (state.scheduled.some((event) => event.id === id)) {
    return reject("id_conflict", "SYN4", "an event of this id is waiting already")
  }
  return state.scheduled.length < policy.scheduled
    ? [{ _tag: "EventScheduled", id, event_type, payload, by: user, due_at: now + delay_ms, at: now }]
    : reject("rule_violated", "ROO4", `${policy.scheduled} events are waiting already; cancel one first`)
}

const tooLarge = (value: Model.Post["content"]): Rejection | undefined => {
  const bytes = utf8Length(JSON.stringify(value))
  return bytes > policy.valueBytes
    ? reject("too_large", "ROO4", `this takes ${bytes} bytes as JSON; a room takes at most ${policy.valueBytes}`)
    : undefined
}

const tooFar = (millis: number | undefined): Rejection | undefined =>
  millis !== undefined && millis > policy.horizon
    ? reject("rule_violated", "ROO4", "rooms look ahead for a year at most")
    : undefined

/** The clock's work: what has expired goes, what is due fires, in the order of its time. */
const due = (state: State, now: Instant): ReadonlyArray<Event> => {
  const keys = state.entries.filter(({ expires_at }) => expires_at !== null && expires_at <= now).map(({ key }) => key)
  const fired = state.scheduled.filter((event) => event.due_at <= now).sort((a, b) => a.due_at - b.due_at)
  return [
    ...(keys.length === 0 ? [] : [{ _tag: "EntriesExpired", keys, at: now } as const]),
    ...fired.map(({ by, event_type, id, payload }) =>
      ({ _tag: "EventFired", id, event_type, payload, by, at: now }) as const
    )
  ]
}

const nextWake = (state: State): Instant | undefined => {
  const times = [
    ...state.entries.flatMap(({ expires_at }) => expires_at === null ? [] : [expires_at]),
    ...state.scheduled.map(({ due_at }) => due_at)
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

// -- Evolution ---------------------------------------------------------------

const evolve = (before: State, event: Event): State => {
  const state = { ...before, version: before.version + 1 }
  switch (event._tag) {
    case "UserJoined":
      return { ...state, members: [...state.members, event.user] }
    case "UserLeft":
      return { ...state, members: state.members.filter((user) => user !== event.user) }
    case "Posted": {
      const { at, by, content, id } = event
      return { ...state, posts: [...state.posts, { id, by, content, at }].slice(-policy.posts) }
    }
    case "EntrySet": {
      const { at, by, expires_at, key, value } = event
      return { ...state, entries: [...without(state, [key]), { key, value, by, at, expires_at }] }
    }
    case "EntryDeleted":
      return { ...state, entries: without(state, [event.key]) }
    case "EntriesExpired":
      return { ...state, entries: without(state, event.keys) }
    case "EventScheduled": {
      const { by, due_at, event_type, id, payload } = event
      return { ...state, scheduled: [...state.scheduled, { id, event_type, payload, by, due_at }] }
    }
    case "EventCancelled":
    case "EventFired":
      return { ...state, scheduled: state.scheduled.filter((waiting) => waiting.id !== event.id) }
  }
}

const without = (state: State, keys: ReadonlyArray<string>): State["entries"] =>
  state.entries.filter((entry) => !keys.includes(entry.key))

/** The kind. Rooms are reached by name and appear in no list. */
export const room: Kind<State, Command, Answer, Event, Model.Intent> = {
  name: "room",
  version: 1,
  upcasters: {},
  State: Model.State,
  Command: Model.Command,
  Answer: Model.Answer,
  Event: Model.Event,
  commands: new Set(Object.keys(Model.Command.cases)),
  initial,
  decide,
  evolve,
  pending: () => [],
  nextWake,
  canRead: () => true,
  listing: () => undefined
}

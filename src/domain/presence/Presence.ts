/**
 * Which connections are present on one topic, and what changed since it was last published (ROO2). Immutable; the shell
 * publishes a diff per `presenceCoalesce` milliseconds.
 *
 * An entry exists for as long as its connection is subscribed: the heartbeat ends a dead connection, and a crash ends
 * all of them, so that no entry outlives its connection.
 */
import { HashMap, Option } from "effect"
import type { UserId } from "../protocol/Ids.ts"
import type { Presence, ServerMessageOf } from "../protocol/Protocol.ts"

/** Entries by connection id. */
type Entries = HashMap.HashMap<string, Presence>

/** The presence of one topic, with the joins and leaves that were not published yet. */
export interface TopicPresence {
  readonly present: Entries
  readonly joins: Entries
  /** Published entries whose connection has left since, even if it has joined again. */
  readonly leaves: Entries
}

const noEntries: Entries = HashMap.empty()

/** No connection is present, and none was. */
export const nonePresent: TopicPresence = { present: noEntries, joins: noEntries, leaves: noEntries }

/** ROO2: adds a connection under its user; one that is present already keeps its entry. */
export const join = (state: TopicPresence, entry: Presence): TopicPresence =>
  HashMap.has(state.present, entry.connection) ? state : {
    ...state,
    present: HashMap.set(state.present, entry.connection, entry),
    joins: HashMap.set(state.joins, entry.connection, entry)
  }

/** ROO2: removes a connection. One whose join was not published yet appears in no diff. */
export const leave = (state: TopicPresence, connection: string): TopicPresence => {
  const entry = Option.getOrUndefined(HashMap.get(state.present, connection))
  if (entry === undefined) return state
  const isPublished = !HashMap.has(state.joins, connection)
  return {
    present: HashMap.remove(state.present, connection),
    joins: HashMap.remove(state.joins, connection),
    leaves: isPublished ? HashMap.set(state.leaves, connection, entry) : state.leaves
  }
}

/** The changes since the last diff. */
export type PresenceDiff = Omit<ServerMessageOf<"presence_diff">, "_tag">

/**
 * ROO2: the changes to publish, undefined if there are none, and the state after they were published. A connection that
 * left and joined again appears with its new entry only.
 */
export const takeDiff = (
  state: TopicPresence
): { readonly diff: PresenceDiff | undefined; readonly published: TopicPresence } => {
  const joins = [...HashMap.values(state.joins)]
  const leaves = [...HashMap.values(state.leaves)].filter(({ connection }) => !HashMap.has(state.joins, connection))
  if (joins.length + leaves.length === 0) return { diff: undefined, published: state }
  return { diff: { joins, leaves }, published: { ...state, joins: noEntries, leaves: noEntries } }
}

/** Whether any connection of a user is present. */
export const isUserPresent = ({ present }: TopicPresence, user: UserId): boolean =>
  HashMap.some(present, (entry) => entry.user === user)

/** All entries, as a new subscriber gets them (SYN12). */
export const entriesOf = ({ present }: TopicPresence): ReadonlyArray<Presence> => [...HashMap.values(present)]

/** Whether nothing is present and nothing is left to publish. */
export const isIdle = ({ leaves, present }: TopicPresence): boolean =>
  HashMap.isEmpty(present) && HashMap.isEmpty(leaves)

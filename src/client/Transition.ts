/** Small words for writing transitions: nothing, one after the other, and saying something to the server. */
import type { Instant, TopicId } from "../domain/Ids.ts"
import type { Intent, Sent, State, Transition } from "./Model.ts"
import type * as Replica from "./Replica.ts"

export const stay = (state: State): Transition => [state, []]

/** The second transition starts where the first ended; intents in order. */
export const chain = (
  before: readonly [State, ReadonlyArray<Intent>, ...ReadonlyArray<unknown>],
  next: (state: State) => readonly [State, ReadonlyArray<Intent>, ...ReadonlyArray<unknown>]
): Transition => {
  const [state, intents] = next(before[0])
  return intents.length === 0 ? [state, before[1]] : [state, [...before[1], ...intents]]
}

/**
 * Sends to the server. Without an `id` the message gets this client's next one, returned as the third element: the
 * instance's own UUID with a counter as its last 12 digits, so that the machine needs no source of ids.
 */
export const say = (
  state: State,
  at: Instant,
  type: string,
  payload: Sent["payload"],
  topic?: TopicId,
  id?: string
): readonly [State, ReadonlyArray<Intent>, string] => {
  const { link } = state
  const ref = id ?? state.prefix + state.counter.toString(16).padStart(12, "0")
  if (link._tag !== "Online" && link._tag !== "Connecting") return [state, [], ref]
  const envelope: Sent = {
    id: ref,
    type,
    payload,
    timestamp: at,
    ...(topic === undefined ? undefined : { thread_id: topic })
  }
  const next = id === undefined ? { ...state, counter: state.counter + 1 } : state
  return [next, [{ _tag: "Send", socket: link.socket, envelope }], ref]
}

/** Puts a copy in its place. */
export const keep = (state: State, replica: Replica.Replica): State => ({
  ...state,
  replicas: new Map(state.replicas).set(replica.topic, replica)
})

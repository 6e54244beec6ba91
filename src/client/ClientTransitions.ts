/** Combinators of transitions: `withoutIntents`, `andThen`, `sendMessage`, `setReplica`. */
import type { Instant, TopicId } from "../domain/protocol/Ids.ts"
import type { Intent, OutgoingMessage, State, Transition } from "./ClientModel.ts"
import type * as Replica from "./Replica.ts"

/** A transition that only changes the state. */
export const withoutIntents = (state: State): Transition => [state, []]

/** Runs `next` on the state of `transition`; the intents are concatenated in order. */
export const andThen = (
  transition: readonly [State, ReadonlyArray<Intent>, ...ReadonlyArray<unknown>],
  next: (state: State) => readonly [State, ReadonlyArray<Intent>, ...ReadonlyArray<unknown>]
): Transition => {
  const [state, intents] = next(transition[0])
  return intents.length === 0 ? [state, transition[1]] : [state, [...transition[1], ...intents]]
}

/**
 * Sends a message, if there is a connection. The third element is its id: `id`, or else the instance's UUID with a
 * counter as its last 12 digits, so that the machine needs no source of ids.
 */
export const sendMessage = (
  state: State,
  at: Instant,
  type: string,
  payload: OutgoingMessage["payload"],
  topic?: TopicId,
  id?: string
): readonly [State, ReadonlyArray<Intent>, string] => {
  const { connection } = state
  const messageId = id ?? state.idPrefix + state.idCounter.toString(16).padStart(12, "0")
  if (connection._tag !== "Online" && connection._tag !== "Connecting") return [state, [], messageId]
  const envelope: OutgoingMessage = {
    id: messageId,
    type,
    payload,
    timestamp: at,
    ...(topic === undefined ? undefined : { thread_id: topic })
  }
  const next: State = id === undefined ? { ...state, idCounter: state.idCounter + 1 } : state
  return [next, [{ _tag: "Send", socket: connection.socket, envelope }], messageId]
}

/** The state with a replica in place of the one of its topic. */
export const setReplica = (state: State, replica: Replica.Replica): State => ({
  ...state,
  replicas: new Map(state.replicas).set(replica.topic, replica)
})

/** What transitions are made of: `withoutIntents`, `andThen`, `sendMessage`, `sendCommand`, `setReplica`, `updateReplicas`. */
import type { Instant, TopicId } from "../domain/protocol/Ids.ts"
import type { ClientErrorReason } from "./ClientError.ts"
import type { OutgoingMessage, PendingCommand, State, Transition } from "./ClientModel.ts"
import type * as Replica from "./Replica.ts"

/** A transition that only changes the state. */
export const withoutIntents = (state: State): Transition => [state, []]

/** Runs `next` on the state of `transition`; the intents are concatenated in order. */
export const andThen = (transition: Transition, next: (state: State) => Transition): Transition => {
  const [state, intents] = next(transition[0])
  return intents.length === 0 ? [state, transition[1]] : [state, [...transition[1], ...intents]]
}

/**
 * The id of the next message that is sent without one: the instance's UUID with a counter as its last 12 digits, so
 * that the machine needs no source of ids.
 */
export const nextMessageId = ({ idCounter, idPrefix }: State): string =>
  idPrefix + idCounter.toString(16).padStart(12, "0")

/** Sends a message, if there is a connection, under `id` or else `nextMessageId`. */
export const sendMessage = (
  state: State,
  at: Instant,
  type: string,
  payload: OutgoingMessage["payload"],
  topic?: TopicId,
  id?: string
): Transition => {
  const { connection } = state
  if (connection._tag !== "Online" && connection._tag !== "Connecting") return withoutIntents(state)
  const envelope: OutgoingMessage = {
    id: id ?? nextMessageId(state),
    type,
    payload,
    timestamp: at,
    ...(topic === undefined ? undefined : { thread_id: topic })
  }
  const next: State = id === undefined ? { ...state, idCounter: state.idCounter + 1 } : state
  return [next, [{ _tag: "Send", socket: connection.socket, envelope }]]
}

/** Sends a command under its own id, with the salt of its texts, if there is a connection. */
export const sendCommand = (
  state: State,
  at: Instant,
  { command: { _tag: type, ...payload }, id, input, salt, topic }: PendingCommand
): Transition => {
  const { connection, init } = state
  if (connection._tag !== "Online") return withoutIntents(state)
  const envelope: OutgoingMessage = {
    id,
    type,
    payload,
    timestamp: at,
    thread_id: topic,
    ...(salt === undefined ? undefined : { salt })
  }
  const signing = { audience: init?.audience ?? "", command: input }
  return [state, [{ _tag: "Send", socket: connection.socket, envelope, signing }]]
}

/** Why the client has given up, until it is started again: what is submitted meanwhile fails instead of waiting. */
export const endReason = ({ connection }: State): ClientErrorReason | undefined =>
  connection._tag === "Disconnected" ? connection.reason : undefined

/** The state with a replica in place of the one of its topic. */
export const setReplica = (state: State, replica: Replica.Replica): State => ({
  ...state,
  replicas: new Map(state.replicas).set(replica.topic, replica)
})

/** The state with `change` applied to all replicas. */
export const updateReplicas = (state: State, change: (replica: Replica.Replica) => Replica.Replica): State => ({
  ...state,
  replicas: new Map([...state.replicas].map(([topic, replica]) => [topic, change(replica)]))
})

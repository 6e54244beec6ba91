/** Messages of one connection and its states, for the tests of its rules. */
import * as Connection from "../../../src/domain/connection/Connection.ts"
import type { ClientMessage } from "../../../src/domain/connection/FrameDecoder.ts"
import { CommandId, ConnectionId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import type { ClientControl } from "../../../src/domain/protocol/Protocol.ts"

export const key = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
export const topic = TopicId.make("thread:a")
export const ref = CommandId.make("8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001")
export const challenge = {
  nonce: "n",
  audience: "a",
  origin: "",
  connection_id: "c1",
  issued_at: 0,
  expires_at: 60_000
}
export const initial = Connection.initial(ConnectionId.make("c1"), 0)

export type Message = Connection.Message

export const messageReceived = (
  incoming: ClientMessage,
  overrides: { at?: number; bytes?: number; budget?: string; wait?: number } = {}
): Extract<Message, { readonly _tag: "MessageReceived" }> => ({
  _tag: "MessageReceived",
  at: 0,
  bytes: 100,
  budget: "command",
  wait: 0,
  incoming,
  ...overrides
})
export const controlReceived = (control: ClientControl, topicId: TopicId | null = null, overrides = {}) =>
  messageReceived({ _tag: "Control", id: ref, control, topic: topicId }, overrides)
export const commandReceived = messageReceived({
  _tag: "Command",
  id: ref,
  topic,
  command: { _tag: "close_thread" },
  timestamp: 0
})
/** A command without content. */
export const emptyCommand = (id: CommandId, overrides: { at?: number; wait?: number } = {}) =>
  messageReceived({ _tag: "Command", id, topic, command: {}, timestamp: 0 }, overrides)
export const connect = controlReceived({ _tag: "connect", public_key: key })
export const challengeIssued: Message = { _tag: "ChallengeIssued", ref, public_key: key, challenge }
export const auth = controlReceived({ _tag: "auth", signature: "A".repeat(86) })
export const signedIn = {
  _tag: "SignedIn",
  at: 0,
  ref,
  user: key,
  session: "s",
  expires_at: 900_000
} as const satisfies Message
export const frameRejected: Message = {
  _tag: "FrameRejected",
  at: 0,
  bytes: 10,
  id: null,
  code: "malformed",
  message: "no"
}
export const requestCompleted: Message = { _tag: "RequestCompleted", topic, code: null, message: "" }

export const run = (messages: ReadonlyArray<Message>, from = initial) => {
  let state = from
  let intents: ReadonlyArray<Connection.Intent> = []
  for (const message of messages) [state, intents] = Connection.step(state, message)
  return { state, intents, tags: intents.map(({ _tag }) => _tag) }
}

export const authenticated = run([connect, challengeIssued, auth, signedIn]).state
export const repeat = <A>(n: number, value: A) => Array<A>(n).fill(value)

export const errorOf = (intents: ReadonlyArray<Connection.Intent>) => {
  const reply = intents.find((intent) => intent._tag === "SendReply")
  return reply?._tag === "SendReply" && reply.message._tag === "error" ? reply.message : undefined
}
export const closeOf = (intents: ReadonlyArray<Connection.Intent>) => intents.find((intent) => intent._tag === "Close")

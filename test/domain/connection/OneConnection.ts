/** What is said on one connection, and what its machine makes of it: for the tests of its rules. */
import * as Connection from "../../../src/domain/connection/Connection.ts"
import type { Incoming } from "../../../src/domain/connection/Incoming.ts"
import { CommandId, ConnectionId, TopicId, UserId } from "../../../src/domain/Ids.ts"
import type { Control } from "../../../src/domain/Protocol.ts"

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
export const fresh = Connection.open(ConnectionId.make("c1"), 0)

export type Message = Connection.Message

export const heard = (
  incoming: Incoming,
  more: { at?: number; bytes?: number; budget?: string; wait?: number } = {}
): Message => ({
  _tag: "Heard",
  at: 0,
  bytes: 100,
  budget: "command",
  wait: 0,
  incoming,
  ...more
})
export const says = (control: Control, on: TopicId | null = null, more = {}) =>
  heard({ _tag: "Control", id: ref, control, topic: on }, more)
export const commands = heard({ _tag: "Command", id: ref, topic, command: { _tag: "close_thread" } })
export const connect = says({ _tag: "connect", public_key: key })
export const drawn: Message = { _tag: "Drawn", ref, public_key: key, challenge }
export const auth = says({ _tag: "auth", signature: "A".repeat(86) })
export const signedIn = {
  _tag: "SignedIn",
  at: 0,
  ref,
  user: key,
  session: "s",
  expires_at: 900_000
} as const satisfies Message
export const garbled: Message = { _tag: "Garbled", at: 0, bytes: 10, id: null, code: "malformed", message: "no" }
export const settled: Message = { _tag: "Settled", topic, code: null, message: "" }

export const run = (messages: ReadonlyArray<Message>, from = fresh) => {
  let state = from
  let intents: ReadonlyArray<Connection.Intent> = []
  for (const message of messages) [state, intents] = Connection.step(state, message)
  return { state, intents, tags: intents.map(({ _tag }) => _tag) }
}

export const live = run([connect, drawn, auth, signedIn]).state
export const times = <A>(n: number, value: A) => Array<A>(n).fill(value)

export const errorOf = (intents: ReadonlyArray<Connection.Intent>) => {
  const said = intents.find((intent) => intent._tag === "Answer")
  return said?._tag === "Answer" && said.message._tag === "error" ? said.message : undefined
}
export const closeOf = (intents: ReadonlyArray<Connection.Intent>) => intents.find((intent) => intent._tag === "Close")

/** A payload for every message that an authenticated client can send, for tests of authorisation. */
import type { ClientControl } from "../../src/domain/protocol/Protocol.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import { makeTestUser, uuid } from "./TestUsers.ts"

/** An id that belongs to no user. */
export const foreignId = uuid()

/** For every thread command: a new command without an entry here does not compile. */
export const threadCommandPayloads: Readonly<Record<ThreadModel.Command["_tag"], object>> = {
  create_thread: { name: "Let me in" },
  submit_message: { content: "let me in" },
  import_messages: { messages: [{ content: "let me in", source: "a.md" }] },
  process_approval: { message_id: foreignId, decision: "approve" },
  cancel_submission: { message_id: foreignId },
  submit_prompt: { prompt: "what is in here?" },
  cancel_run: { prompt_id: foreignId },
  invite_co_author: { user: makeTestUser().key },
  divest: {},
  close_thread: {}
}

/** For every room command. */
export const roomCommandPayloads: Readonly<Record<RoomModel.Command["_tag"], object>> = {
  join_room: {},
  leave_room: {},
  send_message: { content: "let me in" },
  set_entry: { key: "door", value: "open" },
  delete_entry: { key: "door" },
  schedule_event: { event_type: "bell", payload: 1, delay_ms: 1 },
  cancel_event: { event_id: foreignId }
}

type UnauthenticatedControl = "connect" | "auth" | "resume" | "heartbeat"

/** For every other message that requires authentication. */
export const controlPayloads: Readonly<Record<Exclude<ClientControl["_tag"], UnauthenticatedControl>, object>> = {
  subscribe: {},
  unsubscribe: {},
  ack: { seq: 1 },
  desync: { seq: 1, expected: "0".repeat(16), found: "1".repeat(16) },
  signal: { key: "cursor", value: 1 },
  get_thread: {},
  get_threads: {},
  get_user: {},
  renew: { session_token: "none" },
  sign_out: {}
}

/** Type, payload and topic of each message. */
export const allMessages: ReadonlyArray<readonly [type: string, payload: object, topic: string | undefined]> = [
  ...Object.entries(threadCommandPayloads).map(([type, payload]) =>
    [type, payload, type === "create_thread" ? undefined : `thread:${foreignId}`] as const
  ),
  ...Object.entries(roomCommandPayloads).map(([type, payload]) => [type, payload, "room:some"] as const),
  ...Object.entries(controlPayloads).map(([type, payload]) =>
    [type, payload, /^get_threads|get_user|renew|sign_out$/.test(type) ? undefined : `thread:${foreignId}`] as const
  )
]

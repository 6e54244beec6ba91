/** A payload for everything that a client can ask, once it is signed in: for tests of who may. */
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import type * as Thread from "../../src/domain/kinds/ThreadModel.ts"
import type { Control } from "../../src/domain/Protocol.ts"
import { person, uuid } from "./People.ts"

/** Nobody's. */
export const some = uuid()

/** For every command of a thread: a new command without a row here does not compile. */
export const threadCommands: Readonly<Record<Thread.Command["_tag"], object>> = {
  create_thread: { name: "Let me in" },
  submit_message: { content: "let me in" },
  import_messages: { messages: [{ content: "let me in", source: "a.md" }] },
  process_approval: { message_id: some, decision: "approve" },
  cancel_submission: { message_id: some },
  submit_prompt: { prompt: "what is in here?" },
  cancel_run: { prompt_id: some },
  invite_co_author: { user: person().key },
  divest: {},
  close_thread: {}
}

export const roomCommands: Readonly<Record<Room.Command["_tag"], object>> = {
  join_room: {},
  leave_room: {},
  send_message: { content: "let me in" },
  set_entry: { key: "door", value: "open" },
  delete_entry: { key: "door" },
  schedule_event: { event_type: "bell", payload: 1, delay_ms: 1 },
  cancel_event: { event_id: some }
}

type SignsIn = "connect" | "auth" | "resume" | "heartbeat"

/** What is no command, but for what needs no user. */
export const controls: Readonly<Record<Exclude<Control["_tag"], SignsIn>, object>> = {
  subscribe: {},
  unsubscribe: {},
  ack: { seq: 1 },
  desync: { seq: 1, expected: "0".repeat(16), found: "1".repeat(16) },
  signal: { key: "cursor", value: 1 },
  get_thread: {},
  get_threads: {},
  get_user: {},
  renew: {},
  sign_out: {}
}

/** Type, payload and topic of each. */
export const everything: ReadonlyArray<readonly [type: string, payload: object, topic: string | undefined]> = [
  ...Object.entries(threadCommands).map(([type, payload]) =>
    [type, payload, type === "create_thread" ? undefined : `thread:${some}`] as const
  ),
  ...Object.entries(roomCommands).map(([type, payload]) => [type, payload, "room:some"] as const),
  ...Object.entries(controls).map(([type, payload]) =>
    [type, payload, /^get_threads|get_user|renew|sign_out$/.test(type) ? undefined : `thread:${some}`] as const
  )
]

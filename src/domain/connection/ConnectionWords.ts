/** Words that every state of a connection uses: who it is, what it answers, how it ends. */
import type { ConnectionId, Instant } from "../Ids.ts"
import type { Limits } from "../Limits.ts"
import { type ErrorCode, retryable } from "../Rejection.ts"
import { closeCode } from "./CloseCode.ts"
import type { Intent, Message, State, Status, Transition } from "./ConnectionModel.ts"

export type In<S extends Status["_tag"]> = State & { readonly status: Extract<Status, { readonly _tag: S }> }
export type Heard = Extract<Message, { readonly _tag: "Heard" }>

export const open = (id: ConnectionId, at: Instant): State => ({
  connection_id: id,
  client_id: null,
  in_order: false,
  user: null,
  thread_id: null,
  status: { _tag: "Open" },
  subscriptions: [],
  error_state: null,
  since: at,
  frames: 0,
  bytes: 0,
  tries: 0,
  malformed: 0,
  refused: 0,
  in_flight: 0,
  held: []
})

export const stay = (state: State): Transition => [state, []]

export const isIn = <S extends Status["_tag"]>(state: State, status: S): state is In<S> => state.status._tag === status

export const isLive = (state: State): state is In<"Live"> => isIn(state, "Live")

export const leaveAll = (state: State): ReadonlyArray<Intent> =>
  state.subscriptions.map((topic) => ({ _tag: "Unsubscribe", topic }))

type Answer = Extract<Intent, { readonly _tag: "Answer" }>

export const answer = (ref: string | null, message: Answer["message"], topic: Answer["topic"] = null): Answer => ({
  _tag: "Answer",
  ref,
  message,
  topic
})

export const refuse = (
  state: State,
  ref: string | null,
  code: ErrorCode,
  message: string,
  wait?: number
): Transition => [
  state,
  [answer(ref, {
    _tag: "error",
    ref_id: ref,
    code,
    message,
    retryable: retryable(code),
    ...(wait === undefined ? undefined : { retry_after_ms: wait })
  })]
]

export const forget = (state: State, topic: State["subscriptions"][number]): Transition => [
  { ...state, subscriptions: state.subscriptions.filter((other) => other !== topic) },
  [{ _tag: "Unsubscribe", topic }]
]

type Ending = Omit<Extract<Intent, { readonly _tag: "Close" }>, "_tag">

export const end = (
  state: State,
  { code, reason, resume, retry_after_ms }: Ending,
  before: ReadonlyArray<Intent> = []
): Transition => [
  { ...state, status: { _tag: "Closed", code }, subscriptions: [] },
  [...leaveAll(state), ...before, { _tag: "Close", code, reason, resume, retry_after_ms }]
]

/** AUT3: what is heard before authentication is counted. */
export const count = (state: State, heard: { readonly bytes: number }): State => ({
  ...state,
  frames: state.frames + 1,
  bytes: state.bytes + heard.bytes
})

export const outOfPatience = (state: State, limits: Limits): boolean =>
  state.frames > limits.authFrames || state.bytes > limits.authBytes

export const tooMuch = (state: State): Transition =>
  end(state, { code: closeCode.unauthenticated, reason: "sign in first", resume: false, retry_after_ms: 0 })

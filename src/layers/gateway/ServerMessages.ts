/** The results of services as messages to a client. An error discloses nothing of the server's internals (SEC22). */
import type { ServerMessage, ServerMessageOf, ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { isRetryable, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { State as Thread } from "../../domain/thread/ThreadModel.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import type { ListedTopic } from "../../services/Directory.ts"
import type { EventLogError } from "../../services/EventLog.ts"
import type { EncodedJson } from "../../services/OutboundFrame.ts"
import type { SessionError } from "../../services/Sessions.ts"
import type { Signals } from "../../services/Signals.ts"
import type { CatchUp, CommandRejected } from "../../services/Topics.ts"
import { encodeJson, type SharedMessage } from "../delivery/SharedFrame.ts"

/** A rejection as a client gets it: `rule` if a topic's rules rejected, `wait` the milliseconds after which to retry. */
export type RequestRejection = Pick<Rejection, "code" | "message"> & Partial<Rejection> & { readonly wait?: number }

/** The `error` message of a rejection, answering `ref`. */
export const error = (
  ref: string | null,
  { code, message, rule, wait }: RequestRejection
): ServerMessageOf<"error"> => ({
  _tag: "error",
  ref_id: ref,
  code,
  message,
  retryable: isRetryable(code),
  ...(wait === undefined ? undefined : { retry_after_ms: wait }),
  ...(rule === undefined ? undefined : { rule })
})

/** The most threads in one list. */
export const maxListedThreads = 1_000

/** A service that the request needs is not available. */
export const unavailableError: RequestRejection = {
  code: "unavailable",
  message: "the service is temporarily unavailable: try again later"
}

/** The request failed by a defect of the server. */
export const internalError: RequestRejection = {
  code: "internal",
  message: "internal error of the server: nothing was changed"
}

/** The rejection of a request that needs a session: of a service's errors only an unknown session is the client's fault. */
export const sessionRejection = (
  error: RequestRejection | SessionError | CommandRejected | EventLogError
): RequestRejection => {
  if (!("_tag" in error)) return error
  return error._tag === "SessionError" && !error.retryable
    ? { code: "auth_failed", message: error.message }
    : unavailableError
}

/** The `receipt` of a durable command. */
export const receipt = (ref: string, { duplicate, seq, topic }: Receipt): ServerMessage => ({
  _tag: "receipt",
  ref_id: ref,
  topic,
  seq,
  ...(duplicate ? { duplicate: true } : undefined)
})

/** The reply to `subscribe` (SYN2), with the presence and signals of the topic (SYN12). */
export const subscribed = (
  ref: string,
  { position, ...catchUp }: CatchUp,
  sharedState: ReturnType<Signals["Service"]["join"]>
): ServerMessage | SharedMessage => {
  if (catchUp.mode === "deltas") return { _tag: "subscribed", ref_id: ref, position, ...catchUp, ...sharedState }
  const { snapshot, ...others } = catchUp
  return {
    type: "subscribed",
    payload: { ref_id: ref, position, ...others, ...sharedState },
    field: "snapshot",
    json: snapshot
  }
}

/** The events after seq `from` as one delta (CON8). */
export const catchUpDelta = (
  from: number,
  { events, hash, position }: Extract<CatchUp, { mode: "deltas" }>
): ServerMessage => ({
  _tag: "delta",
  from,
  to: position.seq,
  events,
  ...(hash === undefined ? undefined : { hash })
})

/** An entry of the directory as clients see it. */
export const threadSummary = (
  { members, status, title, topic, updatedAt, visibility }: ListedTopic
): ThreadSummary => ({
  thread_id: topic,
  title,
  visibility,
  status,
  co_authors: members,
  updated_at: updatedAt
})

/** The messages of threads, encoded once per state, for as long as the state is in use. */
const encodedMessages = new WeakMap<Thread, EncodedJson>()

/** The reply to `get_thread`. */
export const threadMessages = (ref: string, thread: Thread): SharedMessage => {
  let json = encodedMessages.get(thread)
  if (json === undefined) {
    json = encodeJson(thread.messages.map(({ approvals, at, author, content, id, status }) => (
      { id, author, content: content.text, at, status, approvals }
    )))
    encodedMessages.set(thread, json)
  }
  return { type: "thread_messages", payload: { ref_id: ref }, field: "messages", json }
}

/** What other services answered, as the messages a client gets. Errors say nothing of our insides (SEC22). */
import type { ServerMessage, ServerMessageOf, ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { isRetryable, type Rejection } from "../../domain/protocol/Rejection.ts"
import type { State as Thread } from "../../domain/thread/ThreadModel.ts"
import type { ListedTopic } from "../../services/Directory.ts"
import type { Signals } from "../../services/Signals.ts"
import type { CatchUp, Receipt } from "../../services/Topics.ts"

/** A refusal on its way to a client; `rule` only when a topic's rules refused, `wait` (ms) when that heals it. */
export type RequestRejection = Pick<Rejection, "code" | "message"> & Partial<Rejection> & { readonly wait?: number }

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

export const unavailableError: RequestRejection = {
  code: "unavailable",
  message: "this cannot be done right now: try again in a moment"
}

export const internalError: RequestRejection = {
  code: "internal",
  message: "this met a defect in the server; nothing was changed"
}

export const receipt = (ref: string, { duplicate, seq, topic }: Receipt): ServerMessage => ({
  _tag: "receipt",
  ref_id: ref,
  topic,
  seq,
  ...(duplicate ? { dup: true } : undefined)
})

export const subscribed = (
  ref: string,
  { position, ...catchUp }: CatchUp,
  sharedState: ReturnType<Signals["Service"]["join"]>
): ServerMessage => ({ _tag: "subscribed", ref_id: ref, position, ...catchUp, ...sharedState })

/** What a slow client missed, as one delta; undefined when it missed nothing after all. */
export const catchUpDelta = (from: number, { events, hash, position }: Extract<CatchUp, { mode: "deltas" }>) =>
  position.seq === from ? undefined : {
    _tag: "delta",
    from,
    to: position.seq,
    events,
    ...(hash === undefined ? undefined : { hash })
  } satisfies ServerMessage

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

export const threadMessages = (ref: string, thread: Thread): ServerMessage => ({
  _tag: "thread_messages",
  ref_id: ref,
  messages: thread.messages.map(({ at, author, content, id }) => ({ id, author, content, at }))
})

/** Where the events stopped that a slow client was sent; undefined when only a snapshot will do. */
export const lastSeqOf = (delta: string): number | undefined => {
  const { payload } = JSON.parse(delta) as { readonly payload?: { readonly from?: number } }
  return payload?.from
}

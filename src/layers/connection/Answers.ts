/** What other services answered, as the messages a client gets. Errors say nothing of our insides (SEC22). */
import type { State as Thread } from "../../domain/kinds/ThreadModel.ts"
import type { ServerMessage, ServerMessageOf, ThreadSummary } from "../../domain/Protocol.ts"
import { type Rejection, retryable } from "../../domain/Rejection.ts"
import type { Listed } from "../../services/Directory.ts"
import type { Signals } from "../../services/Signals.ts"
import type { CatchUp, Receipt } from "../../services/Topics.ts"

/** A refusal on its way to a client; `rule` only when a topic's rules refused, `wait` (ms) when that heals it. */
export type Refused = Pick<Rejection, "code" | "message"> & Partial<Rejection> & { readonly wait?: number }

export const error = (
  ref: string | null,
  { code, message, rule, wait }: Refused
): ServerMessageOf<"error"> => ({
  _tag: "error",
  ref_id: ref,
  code,
  message,
  retryable: retryable(code),
  ...(wait === undefined ? undefined : { retry_after_ms: wait }),
  ...(rule === undefined ? undefined : { rule })
})

/** The most threads in one list. */
export const listed = 1_000

export const unavailable: Refused = {
  code: "unavailable",
  message: "this cannot be done right now: try again in a moment"
}

export const internal: Refused = { code: "internal", message: "this met a defect in the server; nothing was changed" }

export const receipt = (ref: string, { duplicate, seq, topic }: Receipt): ServerMessage => ({
  _tag: "receipt",
  ref_id: ref,
  topic,
  seq,
  ...(duplicate ? { dup: true } : undefined)
})

export const subscribed = (
  ref: string,
  { position, ...caught }: CatchUp,
  shared: ReturnType<Signals["Service"]["enter"]>
): ServerMessage => ({ _tag: "subscribed", ref_id: ref, position, ...caught, ...shared })

/** What a slow client missed, as one delta; undefined when it missed nothing after all. */
export const missed = (from: number, { events, hash, position }: Extract<CatchUp, { mode: "deltas" }>) =>
  position.seq === from ? undefined : {
    _tag: "delta",
    from,
    to: position.seq,
    events,
    ...(hash === undefined ? undefined : { hash })
  } satisfies ServerMessage

export const summary = ({ members, status, title, topic, updatedAt, visibility }: Listed): ThreadSummary => ({
  thread_id: topic,
  title,
  visibility,
  status,
  co_authors: members,
  updated_at: updatedAt
})

export const messages = (ref: string, thread: Thread): ServerMessage => ({
  _tag: "thread_messages",
  ref_id: ref,
  messages: thread.messages.map(({ at, author, content, id }) => ({ id, author, content, at }))
})

/** Where the events stopped that a slow client was sent; undefined when only a snapshot will do. */
export const from = (delta: string): number | undefined => {
  const { payload } = JSON.parse(delta) as { readonly payload?: { readonly from?: number } }
  return payload?.from
}

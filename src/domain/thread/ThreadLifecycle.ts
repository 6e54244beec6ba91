/** Creating and closing a thread (THR1, THR7). */
import type { TopicId } from "../protocol/Ids.ts"
import { isVisible } from "../topic/MessageContent.ts"
import * as SealedText from "../topic/SealedText.ts"
import { reject } from "../topic/Topic.ts"
import { ownerField } from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import { payOutRemainder } from "./ThreadLedger.ts"
import type { CommandOf, EventOf, State } from "./ThreadModel.ts"
import * as ThreadRuns from "./ThreadRuns.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"

/** The state before the first event. */
export const initial = (id: TopicId): State => ({
  id,
  status: "absent",
  title: SealedText.empty,
  visibility: "public",
  require_signatures: false,
  created_at: 0,
  updated_at: 0,
  co_authors: [],
  version: 0,
  messages: [],
  submissions: [],
  gates: [],
  token_balance: 0,
  runs: [],
  ledger_requests: []
})

/** THR1: the creator is the first co-author. */
export const createThread = (
  state: State,
  { name: title, require_signatures = false, visibility = "public" }: CommandOf<"create_thread">,
  { now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  if (state.status !== "absent") {
    return ThreadGuards.rejectWith("id_conflict", "THR1", "a thread with this id exists: choose another id")
  }
  return title.text === null || !isVisible(title.text) || !title.text.isWellFormed()
    ? ThreadGuards.rejectWith(
      "malformed",
      "THR1",
      "a thread needs a name: write one that can be seen, in well-formed Unicode"
    )
    : ThreadGuards.acceptEvents({
      _tag: "ThreadCreated",
      title,
      visibility,
      ...(require_signatures ? { require_signatures } : undefined),
      creator: user,
      ...ownerField(owner),
      at: now
    })
}

/**
 * THR7: the last co-author closes the thread, and receives its balance; with several co-authors it cannot be closed.
 * Open submissions are refunded and runs are cancelled. The thread stays readable.
 */
export const closeThread = (state: State, { now, user }: ThreadGuards.Actor): ThreadGuards.DecisionResult => {
  const rejection = ThreadGuards.rejectIfClosed(state)
  if (rejection !== undefined) return reject(rejection)
  if (!state.co_authors.includes(user)) {
    return ThreadGuards.rejectWith("forbidden", "THR7", "only a co-author can close the thread")
  }
  return state.co_authors.length > 1
    ? ThreadGuards.rejectWith(
      "rule_violated",
      "THR7",
      "only the last co-author can close the thread: the others leave first, with `divest`"
    )
    : ThreadGuards.acceptEvents(
      ...ThreadSubmissions.cancelOpenSubmissions(state, now),
      ...ThreadRuns.cancelUnfinishedRuns(state, user, now),
      { _tag: "ThreadClosed", by: user, at: now }
    )
}

/** THR1: the thread is active, and its creator the first co-author. */
export const applyThreadCreated = (
  state: State,
  { at, creator, require_signatures = false, title, visibility }: EventOf<"ThreadCreated">
): State => ({
  ...state,
  status: "active",
  title,
  visibility,
  require_signatures,
  created_at: at,
  co_authors: [creator]
})

/** THR7: the thread is closed, and its open gates are dropped. */
export const applyThreadClosed = (state: State): State => payOutRemainder({ ...state, status: "closed", gates: [] })

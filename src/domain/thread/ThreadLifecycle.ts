/** How a thread begins and ends (THR1, THR7). */
import type { TopicId } from "../protocol/Ids.ts"
import { reject } from "../topic/Topic.ts"
import { acceptEvents, type Actor, type DecisionResult, rejectIfClosed, rejectWith } from "./ThreadGuards.ts"
import { payOutRemainder } from "./ThreadLedger.ts"
import type { CommandOf, EventOf, State } from "./ThreadModel.ts"
import * as Runs from "./ThreadRuns.ts"
import * as Submissions from "./ThreadSubmissions.ts"

/** Before anything has happened. */
export const initial = (id: TopicId): State => ({
  id,
  status: "absent",
  title: "",
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
  owed: []
})

/** THR1: the creator is the first co-author. */
export const createThread = (
  state: State,
  { name, require_signatures = false, visibility = "public" }: CommandOf<"create_thread">,
  { now, user }: Actor
): DecisionResult => {
  if (state.status !== "absent") return rejectWith("id_conflict", "THR1", "this thread's id is taken; choose another")
  const title = name.trim()
  return title === "" || !title.isWellFormed()
    ? rejectWith("malformed", "THR1", "a thread needs a name of readable text")
    : acceptEvents({
      _tag: "ThreadCreated",
      title,
      visibility,
      ...(require_signatures ? { require_signatures } : undefined),
      creator: user,
      at: now
    })
}

/**
 * THR7: the last co-author closes; while there are others nobody may, because what the thread holds goes to whoever
 * closes it. Open submissions are refunded and runs cancelled; reading goes on.
 */
export const closeThread = (state: State, { now, user }: Actor): DecisionResult => {
  const rejection = rejectIfClosed(state, user)
  if (rejection !== undefined) return reject(rejection)
  if (!state.co_authors.includes(user)) return rejectWith("forbidden", "THR7", "only a co-author can close the thread")
  return state.co_authors.length > 1
    ? rejectWith("rule_violated", "THR7", "only the last co-author can close the thread, and there are others")
    : acceptEvents(
      ...Submissions.cancelOpenSubmissions(state, now),
      ...Runs.cancelUnfinishedRuns(state, user, now),
      { _tag: "ThreadClosed", by: user, at: now }
    )
}

/** THR1: the thread is there. */
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

/** THR7: nothing is added any more. */
export const applyThreadClosed = (state: State): State => payOutRemainder({ ...state, status: "closed", gates: [] })

/** How a thread begins and ends (THR1, THR7). */
import type { TopicId } from "../Ids.ts"
import { refuse } from "../Topic.ts"
import { payOut } from "./ThreadLedger.ts"
import type { CommandOf, EventOf, State } from "./ThreadModel.ts"
import { accepted, type By, closedTo, type Outcome, refused } from "./ThreadRules.ts"
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
export const create = (
  state: State,
  { name, require_signatures = false, visibility = "public" }: CommandOf<"create_thread">,
  { now, user }: By
): Outcome => {
  if (state.status !== "absent") return refused("id_conflict", "THR1", "this thread's id is taken; choose another")
  const title = name.trim()
  return title === "" || !title.isWellFormed()
    ? refused("malformed", "THR1", "a thread needs a name of readable text")
    : accepted({
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
export const close = (state: State, { now, user }: By): Outcome => {
  const fault = closedTo(state, user)
  if (fault !== undefined) return refuse(fault)
  if (!state.co_authors.includes(user)) return refused("forbidden", "THR7", "only a co-author can close the thread")
  return state.co_authors.length > 1
    ? refused("rule_violated", "THR7", "only the last co-author can close the thread, and there are others")
    : accepted(
      ...Submissions.cancelAll(state, now),
      ...Runs.cancelAll(state, user, now),
      { _tag: "ThreadClosed", by: user, at: now }
    )
}

/** THR1: the thread is there. */
export const created = (
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
export const closed = (state: State): State => payOut({ ...state, status: "closed", gates: [] })

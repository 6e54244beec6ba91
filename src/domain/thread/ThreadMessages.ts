/** What people write: a co-author's words are published at once, anybody else's are staked and go to the vote (THR2). */
import * as Ledger from "../ledger/LedgerModel.ts"
import { deriveId } from "../protocol/Ids.ts"
import { makeRejection } from "../protocol/Rejection.ts"
import { forward, reject } from "../topic/Topic.ts"
import {
  acceptEvents,
  type Actor,
  type DecisionResult,
  idConflict,
  isCoAuthor,
  isIdTaken,
  rejectIfClosed,
  rejectIfInvalid,
  rejectWith,
  threadLimits
} from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, State } from "./ThreadModel.ts"
import * as Submissions from "./ThreadSubmissions.ts"

/** THR2: published when a co-author wrote it; otherwise the ledger reserves the stake first, and offers it back to us. */
export const submitMessage = (
  state: State,
  command: CommandOf<"submit_message">,
  { id, now, user }: Actor
): DecisionResult => {
  const { content, source = null, stake = threadLimits.minimumStake } = command
  const input = { _tag: "SubmissionOffered", id, author: user, content, stake } as const
  const escrowFirst = forward(Ledger.mainLedger, { _tag: "Escrow", amount: stake, topic: state.id, input })
  // Sent again after it was taken up: the ledger knows the first receipt (SYN4).
  if (state.submissions.some((submission) => submission.id === id && submission.author === user)) return escrowFirst
  const rejection = rejectIfClosed(state, user) ?? rejectIfInvalid(content) ??
    (isIdTaken(state, id) ? idConflict : undefined)
  if (rejection !== undefined) return reject(rejection)
  if (isCoAuthor(state, user)) {
    return source?.isWellFormed() === false
      ? reject(illFormedSourceRejection)
      : acceptEvents({ _tag: "MessagePublished", id, author: user, content, source, at: now })
  }
  if (source !== null) return rejectWith("forbidden", "THR2", importForbidden)
  const stakeRejection = Submissions.rejectIfBelowMinimumStake(stake)
  if (stakeRejection !== undefined) return reject(stakeRejection)
  return Submissions.openSubmissions(state).some((submission) =>
      submission.author === user && submission.content === content
    )
    ? rejectWith("rule_violated", "THR2", "you have already submitted this, and the vote is still open")
    : escrowFirst
}

/** What was written elsewhere comes in as one command: all of it, or none. */
export const importMessages = (
  state: State,
  { messages }: CommandOf<"import_messages">,
  { id, now, user }: Actor
): DecisionResult => {
  const rejection = rejectIfClosed(state, user) ?? rejectFirstInvalid(messages)
  if (rejection !== undefined) return reject(rejection)
  if (!isCoAuthor(state, user)) return rejectWith("forbidden", "THR2", importForbidden)
  if (isIdTaken(state, deriveId(id, ".0"))) return reject(idConflict)
  return acceptEvents(...messages.map(({ content, source }, n): Event => (
    { _tag: "MessagePublished", id: deriveId(id, `.${n}`), author: user, content, source, at: now }
  )))
}

const rejectFirstInvalid = (messages: CommandOf<"import_messages">["messages"]) => {
  for (const { content, source } of messages) {
    const rejection = rejectIfInvalid(content) ?? (source.isWellFormed() ? undefined : illFormedSourceRejection)
    if (rejection !== undefined) return rejection
  }
  return undefined
}

const importForbidden = "only co-authors can import what was written elsewhere"
const illFormedSourceRejection = makeRejection("malformed", "THR2", "the source holds half of a surrogate pair")

/** THR2: a message is on record. */
export const applyMessagePublished = (
  state: State,
  { at, author, content, id, source }: EventOf<"MessagePublished">
): State => ({
  ...state,
  messages: [...state.messages, { id, author, content, at, origin: "message", source }]
})

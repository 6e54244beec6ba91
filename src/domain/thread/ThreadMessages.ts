/** Messages: a co-author's are published at once, those of other users become staked submissions (THR2). */
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { deriveId } from "../protocol/Ids.ts"
import { makeRejection } from "../protocol/Rejection.ts"
import { forward, reject } from "../topic/Topic.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, State } from "./ThreadModel.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"

/** THR2: publishes a co-author's message. Forwards others to the ledger, which reserves the stake and offers it back. */
export const submitMessage = (
  state: State,
  command: CommandOf<"submit_message">,
  { id, now, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const { content, source = null, stake = ThreadGuards.threadLimits.minimumStake } = command
  const input = { _tag: "SubmissionOffered", id, author: user, content, stake } as const
  const escrowFirst = forward(LedgerModel.mainLedger, { _tag: "Escrow", amount: stake, topic: state.id, input })
  // A repeat of an accepted submission: the ledger has its first receipt (SYN4).
  if (state.submissions.some((submission) => submission.id === id && submission.author === user)) return escrowFirst
  const rejection = ThreadGuards.rejectIfClosed(state) ?? ThreadGuards.rejectIfInvalid(content) ??
    (ThreadGuards.isIdTaken(state, id) ? ThreadGuards.idConflict : undefined)
  if (rejection !== undefined) return reject(rejection)
  if (ThreadGuards.isCoAuthor(state, user)) {
    return source?.isWellFormed() === false
      ? reject(illFormedSourceRejection)
      : ThreadGuards.acceptEvents({ _tag: "MessagePublished", id, author: user, content, source, at: now })
  }
  if (source !== null) return ThreadGuards.rejectWith("forbidden", "THR2", importForbidden)
  const stakeRejection = ThreadSubmissions.rejectIfBelowMinimumStake(stake)
  if (stakeRejection !== undefined) return reject(stakeRejection)
  return ThreadSubmissions.openSubmissions(state).some((submission) =>
      submission.author === user && submission.content === content
    )
    ? ThreadGuards.rejectWith("rule_violated", "THR2", "you have submitted this text already: wait for the vote")
    : escrowFirst
}

/** Publishes texts from elsewhere as one command: all of them or none (THR2). */
export const importMessages = (
  state: State,
  { messages }: CommandOf<"import_messages">,
  { id, now, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const rejection = ThreadGuards.rejectIfClosed(state) ?? rejectFirstInvalid(messages)
  if (rejection !== undefined) return reject(rejection)
  if (!ThreadGuards.isCoAuthor(state, user)) return ThreadGuards.rejectWith("forbidden", "THR2", importForbidden)
  if (ThreadGuards.isIdTaken(state, deriveId(id, ".0"))) return reject(ThreadGuards.idConflict)
  return ThreadGuards.acceptEvents(...messages.map(({ content, source }, n): Event => (
    { _tag: "MessagePublished", id: deriveId(id, `.${n}`), author: user, content, source, at: now }
  )))
}

const rejectFirstInvalid = (messages: CommandOf<"import_messages">["messages"]) => {
  for (const { content, source } of messages) {
    const rejection = ThreadGuards.rejectIfInvalid(content) ??
      (source.isWellFormed() ? undefined : illFormedSourceRejection)
    if (rejection !== undefined) return rejection
  }
  return undefined
}

const importForbidden = "only co-authors can import text with a source"
const illFormedSourceRejection = makeRejection(
  "malformed",
  "THR2",
  "the source contains half of a surrogate pair: send well-formed Unicode"
)

/** THR2: the message is published. */
export const applyMessagePublished = (
  state: State,
  { at, author, content, id, source }: EventOf<"MessagePublished">
): State => ({
  ...state,
  messages: [
    ...state.messages,
    { id, author, content, at, thread: state.id, status: "published", approvals: [], source }
  ]
})

/** Messages: a co-author's are published at once, those of other users become staked submissions (THR2). */
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { deriveId } from "../protocol/Ids.ts"
import { makeRejection } from "../protocol/Rejection.ts"
import type { Seal } from "../protocol/Seal.ts"
import type { SealedText } from "../topic/SealedText.ts"
import { forward, reject } from "../topic/Topic.ts"
import { ownerField } from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, State } from "./ThreadModel.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"

/** THR2: publishes a co-author's message. Forwards others to the ledger, which reserves the stake and offers it back. */
export const submitMessage = (
  state: State,
  command: CommandOf<"submit_message">,
  { id, now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const by = { author: user, ...ownerField(owner) }
  const { content, source = null, stake = ThreadGuards.threadLimits.minimumStake } = command
  const escrowFirst = (text: SealedText | Seal) =>
    forward(LedgerModel.ledgerOf(state.id), {
      _tag: "Escrow",
      amount: stake,
      topic: state.id,
      input: { _tag: "SubmissionOffered", id, ...by, content: text, stake }
    })
  // A repeat of an accepted submission: the ledger has its first receipt (SYN4). Its text, which may have been erased since,
  // is not stored again (TOP10).
  if (state.submissions.some((submission) => submission.id === id && submission.author === user)) {
    return escrowFirst(content.seal)
  }
  const rejection = ThreadGuards.rejectIfClosed(state) ?? ThreadGuards.rejectIfInvalid(content) ??
    (ThreadGuards.isIdTaken(state, id) ? ThreadGuards.idConflict : undefined)
  if (rejection !== undefined) return reject(rejection)
  if (ThreadGuards.isCoAuthor(state, user)) {
    return source?.text?.isWellFormed() === false
      ? reject(illFormedSourceRejection)
      : ThreadGuards.acceptEvents({ _tag: "MessagePublished", at: now, ...by, content, id, source })
  }
  if (source !== null) return ThreadGuards.rejectWith("forbidden", "THR2", importForbidden)
  const stakeRejection = ThreadSubmissions.rejectIfBelowMinimumStake(stake)
  if (stakeRejection !== undefined) return reject(stakeRejection)
  return ThreadSubmissions.openSubmissions(state).some((submission) =>
      submission.author === user && submission.content.text === content.text
    )
    ? ThreadGuards.rejectWith("rule_violated", "THR2", "you have submitted this text already: wait for the vote")
    : escrowFirst(content)
}

/** Publishes texts from elsewhere as one command: all of them or none (THR2). */
export const importMessages = (
  state: State,
  { messages }: CommandOf<"import_messages">,
  { id, now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const rejection = ThreadGuards.rejectIfClosed(state) ?? rejectFirstInvalid(messages)
  if (rejection !== undefined) return reject(rejection)
  if (!ThreadGuards.isCoAuthor(state, user)) return ThreadGuards.rejectWith("forbidden", "THR2", importForbidden)
  if (ThreadGuards.isIdTaken(state, deriveId(id, ".0"))) return reject(ThreadGuards.idConflict)
  return ThreadGuards.acceptEvents(...messages.map(({ content, source }, n): Event => (
    {
      _tag: "MessagePublished",
      id: deriveId(id, `.${n}`),
      author: user,
      ...ownerField(owner),
      content,
      source,
      at: now
    }
  )))
}

const rejectFirstInvalid = (messages: CommandOf<"import_messages">["messages"]) => {
  for (const { content, source } of messages) {
    const rejection = ThreadGuards.rejectIfInvalid(content) ??
      (source.text?.isWellFormed() === false ? illFormedSourceRejection : undefined)
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
  { at, author, content, id, owner, source }: EventOf<"MessagePublished">
): State => ({
  ...state,
  messages: [
    ...state.messages,
    {
      id,
      seq: state.version,
      author,
      ...ownerField(owner),
      content,
      at,
      thread: state.id,
      status: "published",
      approvals: [],
      source
    }
  ]
})

/** What people write: a co-author's words are published at once, anybody else's are staked and go to the vote (THR2). */
import { derivedId } from "../Ids.ts"
import { reject } from "../Rejection.ts"
import { forward, refuse } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import type { CommandOf, Event, EventOf, State } from "./ThreadModel.ts"
import {
  accepted,
  type By,
  closedTo,
  idTaken,
  isCoAuthor,
  isKnown,
  type Outcome,
  policy,
  refused,
  unfit
} from "./ThreadRules.ts"
import * as Submissions from "./ThreadSubmissions.ts"

/** THR2: published when a co-author wrote it; otherwise the ledger reserves the stake first, and offers it back to us. */
export const submitMessage = (state: State, command: CommandOf<"submit_message">, { id, now, user }: By): Outcome => {
  const { content, source = null, stake = policy.minimumStake } = command
  const input = { _tag: "SubmissionOffered", id, author: user, content, stake } as const
  const staked = forward(Ledger.mainLedger, { _tag: "Escrow", amount: stake, topic: state.id, input })
  // Sent again after it was taken up: the ledger knows the first receipt (SYN4).
  if (state.submissions.some((one) => one.id === id && one.author === user)) return staked
  const fault = closedTo(state, user) ?? unfit(content) ?? (isKnown(state, id) ? idTaken : undefined)
  if (fault !== undefined) return refuse(fault)
  if (isCoAuthor(state, user)) {
    return source?.isWellFormed() === false
      ? refuse(illFormedSource)
      : accepted({ _tag: "MessagePublished", id, author: user, content, source, at: now })
  }
  if (source !== null) return refused("forbidden", "THR2", onlyCoAuthors)
  const lacking = Submissions.tooLittle(stake)
  if (lacking !== undefined) return refuse(lacking)
  return Submissions.open(state).some((one) => one.author === user && one.content === content)
    ? refused("rule_violated", "THR2", "you have already submitted this, and the vote is still open")
    : staked
}

/** What was written elsewhere comes in as one command: all of it, or none. */
export const importMessages = (
  state: State,
  { messages }: CommandOf<"import_messages">,
  { id, now, user }: By
): Outcome => {
  const fault = closedTo(state, user) ?? firstUnfit(messages)
  if (fault !== undefined) return refuse(fault)
  if (!isCoAuthor(state, user)) return refused("forbidden", "THR2", onlyCoAuthors)
  if (isKnown(state, derivedId(id, ".0"))) return refuse(idTaken)
  return accepted(...messages.map(({ content, source }, n): Event => (
    { _tag: "MessagePublished", id: derivedId(id, `.${n}`), author: user, content, source, at: now }
  )))
}

const firstUnfit = (messages: CommandOf<"import_messages">["messages"]) => {
  for (const { content, source } of messages) {
    const fault = unfit(content) ?? (source.isWellFormed() ? undefined : illFormedSource)
    if (fault !== undefined) return fault
  }
  return undefined
}

const onlyCoAuthors = "only co-authors can import what was written elsewhere"
const illFormedSource = reject("malformed", "THR2", "the source holds half of a surrogate pair")

/** THR2: a message is on record. */
export const published = (state: State, { at, author, content, id, source }: EventOf<"MessagePublished">): State => ({
  ...state,
  messages: [...state.messages, { id, author, content, at, origin: "message", source }]
})

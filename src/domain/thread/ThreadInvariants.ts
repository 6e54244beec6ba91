/**
 * The invariants of a thread, checked once more after every decision and before anything is stored (THR8). The rules of
 * single commands imply them; a violation is a defect of a rule. `ThreadVoteInvariants` lists those of submissions and
 * invitations.
 *
 * 1. The thread is Created active, and never Deleted: it is closed, by its last co-author, and stays closed (THR7). Its
 *    id, title, visibility and creation never change. The version grows by one per event (THR1).
 * 2. It has a co-author, and none twice (THR1). A co-author is Created by creating the thread, by an approved submission
 *    or by an approved invitation, and Deleted by leaving; never otherwise.
 *    An agent is Created by what it does for its owner, and never Updated or Deleted (AUT8).
 * 3. A message is Created at the end, by a co-author or from its approved submission, with the votes that approved it. It
 *    is never Updated or Deleted (THR2).
 * 4. The token balance is a whole number, not negative (LED2). It changes by what the ledger's answers credit, and by the
 *    payments that are requested.
 * 5. A request to the ledger is Created by a settlement, a share, a payout or a citation, never Updated, and Deleted by
 *    its answer (THR6).
 * 6. At most one run is active. A run is Created by a co-author, at the end, never Deleted, and once finished never
 *    Updated, except that a cancelled one receives its partial text once (CHO8, CHO9), and that one is marked when a text
 *    that it was given is erased (TOP10).
 */
import { Option, Schema } from "effect"
import type { ChorusState } from "../chorus/ChorusModel.ts"
import { isFinished } from "../chorus/ChorusRun.ts"
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { type CommandId, deriveId, type UserId } from "../protocol/Ids.ts"
import type { SendCommand } from "../topic/Topic.ts"
import { Faults, isPrefix, type Transition, transitionsOf } from "../topic/Transition.ts"
import { agentOf } from "./ThreadAgents.ts"
import type { Event, EventOf, Message, State } from "./ThreadModel.ts"
import type { ThreadChange } from "./ThreadVoteInvariants.ts"
import * as ThreadVoteInvariants from "./ThreadVoteInvariants.ts"

/** The faults of a change of a thread (THR8). */
export const validate = (change: ThreadChange): ReadonlyArray<string> => {
  const faults = new Faults()
  validateThread(change, faults)
  validateCoAuthors(change, faults)
  validateAgents(change, faults)
  validateMessages(change, faults)
  ThreadVoteInvariants.validateSubmissions(change, faults)
  validateTokens(change, faults)
  validateRequests(change, faults)
  validateRuns(change, faults)
  return faults.found
}

// -- The thread --------------------------------------------------------------

const validateThread = ({ events, new: next, old }: ThreadChange, faults: Faults): void => {
  const isNew = old.status === "absent"
  faults.when(next.status === "absent", "the thread does not exist")
  faults.when(next.version !== old.version + events.length, "the version does not grow by one per event")
  faults.when(
    next.id !== old.id || !isNew && (next.title !== old.title || next.visibility !== old.visibility ||
          next.require_signatures !== old.require_signatures || next.created_at !== old.created_at),
    "the thread's id, title, visibility or creation changed"
  )
  if (old.status === "closed") {
    faults.when(next.status !== "closed", "a closed thread was opened again")
    faults.when(
      next.messages.length > old.messages.length || next.submissions.length > old.submissions.length ||
        next.gates.length > 0 || next.runs.length > old.runs.length,
      "a closed thread received more"
    )
  } else if (next.status === "closed") {
    faults.when(!events.some((event) => event._tag === "ThreadClosed"), "nobody closed the thread")
    faults.when(old.co_authors.length > 1, "the thread was closed with several co-authors")
    faults.when(
      next.gates.length > 0 || next.submissions.some(({ status }) => status === "pending") ||
        next.runs.some((run) => !isFinished(run)),
      "the thread was closed with open submissions, invitations or runs"
    )
  }
}

// -- Co-authors and messages -------------------------------------------------

const validateCoAuthors = (change: ThreadChange, faults: Faults): void => {
  const { new: { co_authors }, old } = change
  const expected = expectedCoAuthors(change)
  if (co_authors === old.co_authors && expected === undefined) return
  faults.when(co_authors.length === 0, "no co-author")
  faults.when(new Set(co_authors).size < co_authors.length, "a co-author is there twice")
  const permitted = expected ?? new Set(old.co_authors)
  faults.when(co_authors.some((user) => !permitted.has(user)), "a co-author was not approved, or has left")
  const present = new Set(co_authors)
  faults.when([...permitted].some((user) => !present.has(user)), "a co-author is missing who did not leave")
}

/** The co-authors as the events say; undefined if no event says anything. */
const expectedCoAuthors = ({ events, new: next, old }: ThreadChange): ReadonlySet<UserId> | undefined => {
  let expected: Set<UserId> | undefined
  const join = (user: UserId | undefined) => {
    if (user !== undefined) (expected ??= new Set(old.co_authors)).add(user)
  }
  for (const event of events) {
    if (event._tag === "ThreadCreated") join(event.creator)
    if (event._tag === "SubmissionSettled" && event.outcome === "approved") {
      join(next.submissions.find(({ id }) => id === event.id)?.author)
    }
    if (event._tag === "GateClosed" && event.outcome === "approved") join(inviteeOf(old, events, event.id))
    if (event._tag === "Divested") (expected ??= new Set(old.co_authors)).delete(event.user)
  }
  return expected
}

const validateAgents = ({ events, new: { agents = [] }, old }: ThreadChange, faults: Faults): void => {
  if (agents === old.agents) return
  for (const transition of transitionsOf(old.agents ?? [], agents, ({ agent }) => agent)) {
    if (transition._tag !== "Created") faults.when(true, "an agent was forgotten, or has another owner")
    else {
      const { agent, owner } = transition.new
      const hasActed = events.some((event) => {
        const acting = agentOf(event)
        return acting?.agent === agent && acting.owner === owner
      })
      faults.when(!hasActed, "an agent has an owner that it did not act for")
    }
  }
}

const inviteeOf = (old: State, events: ReadonlyArray<Event>, gate: CommandId): UserId | undefined =>
  old.gates.find(({ id }) => id === gate)?.action.user ??
    events.find((event): event is EventOf<"GateOpened"> => event._tag === "GateOpened" && event.id === gate)?.action
      .user

const validateMessages = (change: ThreadChange, faults: Faults): void => {
  const { events, new: next, old } = change
  const published = events.filter((event): event is EventOf<"MessagePublished"> | EventOf<"SubmissionSettled"> =>
    event._tag === "MessagePublished" || event._tag === "SubmissionSettled" && event.outcome === "approved"
  )
  if (next.messages === old.messages && published.length === 0) return
  faults.when(!isPrefix(old.messages, next.messages), "a published message changed or was removed")
  const added = next.messages.slice(old.messages.length)
  faults.when(added.length < published.length, "a message is missing")
  for (const [n, message] of added.entries()) {
    const event = published[n]
    faults.when(message.thread !== next.id, "a message is of another thread")
    if (event === undefined || event.id !== message.id) faults.when(true, "a message was not published")
    else if (event._tag === "MessagePublished") validatePublished(old, message, event, faults)
    else validateApproved(next, message, faults)
  }
}

const validatePublished = (
  old: State,
  message: Message,
  event: EventOf<"MessagePublished">,
  faults: Faults
): void => {
  faults.when(
    message.author !== event.author || message.owner !== event.owner || message.content !== event.content ||
      message.source !== event.source,
    "a message is not what its author published"
  )
  faults.when(message.status !== "published" || message.approvals.length > 0, "a message claims an approval")
  faults.when(!old.co_authors.includes(message.author), "a message was published by a user who is no co-author")
}

const validateApproved = (next: State, message: Message, faults: Faults): void => {
  const submission = next.submissions.find(({ id }) => id === message.id)
  faults.when(submission?.status !== "approved", "an approved message has no approved submission")
  if (submission === undefined) return
  faults.when(
    message.author !== submission.author || message.owner !== submission.owner ||
      message.content !== submission.content,
    "an approved message is not what was submitted"
  )
  const approvals = submission.votes.filter(({ choice }) => choice === "approve")
  faults.when(
    message.status !== "approved" || message.approvals.length !== approvals.length ||
      approvals.some(({ voter }, n) => voter !== message.approvals[n]),
    "an approved message does not carry its approvals"
  )
}

// -- Tokens ------------------------------------------------------------------

const validateTokens = ({ events, new: next, old }: ThreadChange, faults: Faults): void => {
  faults.when(!Number.isSafeInteger(next.token_balance), "the token balance is out of range")
  faults.when(next.token_balance < 0, "the token balance is negative")
  if (next.token_balance === old.token_balance && next.ledger_requests === old.ledger_requests) return
  const credited = events.reduce((sum, event) => event._tag === "LedgerAnswered" ? sum + event.to_thread : sum, 0)
  const account = LedgerModel.threadAccount(next.id)
  const paid = transitionsOf(old.ledger_requests, next.ledger_requests, ({ id }) => id).reduce(
    (sum, transition) => transition._tag === "Created" ? sum + paidFrom(account, transition.new) : sum,
    0
  )
  faults.when(next.token_balance !== old.token_balance + credited - paid, "the token balance is not what was moved")
}

const decodeLedgerInput = Schema.decodeUnknownOption(LedgerModel.Answer)

/** What a request to the ledger pays from an account. */
const paidFrom = (account: LedgerModel.AccountId, { input }: SendCommand): number =>
  Option.match(decodeLedgerInput(input), {
    onNone: () => 0,
    onSome: (request) => request._tag === "Transfer" && request.from === account ? request.amount : 0
  })

const validateRequests = (change: ThreadChange, faults: Faults): void => {
  const { events, new: { ledger_requests }, old } = change
  for (const event of events) {
    if (event._tag === "SubmissionSettled" || event._tag === "Divested") {
      const { ledger_request } = event
      faults.when(
        ledger_request !== null && !ledger_requests.some(({ id }) => id === ledger_request.id),
        "a request to the ledger is missing"
      )
    }
    faults.when(
      event._tag === "LedgerAnswered" && ledger_requests.some(({ id }) => id === event.request),
      "a request to the ledger is answered and still there"
    )
  }
  for (const transition of transitionsOf(old.ledger_requests, ledger_requests, ({ id }) => id)) {
    validateRequest(change, transition, faults)
  }
}

const validateRequest = (change: ThreadChange, transition: Transition<SendCommand>, faults: Faults): void => {
  const { events, new: next } = change
  switch (transition._tag) {
    case "Created": {
      const { id } = transition.new
      const isDue = id === `${next.id}:close` && next.status === "closed" ||
        events.some((event) =>
          (event._tag === "SubmissionSettled" || event._tag === "Divested") && event.ledger_request?.id === id ||
          event._tag === "StepCompleted" && event.output._tag === "yield" && id.startsWith(`${event.prompt_id}:cite:`)
        )
      faults.when(!isDue, "a request to the ledger has no cause")
      validateSettlement(next, transition.new, faults)
      return
    }
    case "Updated":
      return faults.when(true, "a request to the ledger changed")
    case "Deleted":
      return faults.when(
        !events.some((event) => event._tag === "LedgerAnswered" && event.request === transition.old.id),
        "a request to the ledger was removed without an answer"
      )
  }
}

/** THR6: a settlement is of an ended submission of the thread, and pays exactly its stake. */
const validateSettlement = (next: State, { id, input }: SendCommand, faults: Faults): void => {
  const request = Option.getOrUndefined(decodeLedgerInput(input))
  if (request?._tag !== "Settle") return
  const submission = next.submissions.find((submission) => submission.id === request.stake)
  const isEnded = submission !== undefined && submission.status !== "pending" &&
    id === deriveId(submission.id, ":settle")
  faults.when(!isEnded, "a settlement is of no submission that ended")
  const total = request.shares.reduce((sum, { amount }) => sum + amount, 0)
  faults.when(isEnded && total !== submission.stake, "the shares of a settlement do not add up to its stake")
}

// -- Runs --------------------------------------------------------------------

const validateRuns = (change: ThreadChange, faults: Faults): void => {
  const { events, new: { runs }, old } = change
  const prompts = events.filter((event) => event._tag === "PromptSubmitted")
  faults.when(runs.length < old.runs.length + prompts.length, "a run is missing")
  if (runs === old.runs) return
  faults.when(runs.filter(({ status }) => status === "running").length > 1, "more than one active run")
  faults.when(old.runs.some(({ prompt_id }, n) => prompt_id !== runs[n]?.prompt_id), "a run was removed or moved")
  for (const transition of transitionsOf(old.runs, runs, ({ prompt_id }) => prompt_id)) {
    validateRun(change, transition, faults)
  }
}

const validateRun = (change: ThreadChange, transition: Transition<ChorusState>, faults: Faults): void => {
  const { events, new: next, old } = change
  if (transition._tag === "Deleted") return
  const run = transition.new
  if (transition._tag === "Created") {
    const wasSubmitted = events.some((event) =>
      event._tag === "PromptSubmitted" && event.id === run.prompt_id && event.author === run.asker &&
      event.owner === run.owner &&
      event.content === run.prompt
    )
    faults.when(!wasSubmitted, "a run is not of a prompt as it was submitted")
    faults.when(run.thread_id !== next.id, "a run is of another thread")
    faults.when(!old.co_authors.includes(run.asker), "a prompt is by a user who is no co-author")
    faults.when(
      run.sibling_of !== undefined && !old.runs.some(({ prompt_id }) => prompt_id === run.sibling_of),
      "a run answers a prompt again that is not in the thread"
    )
    return
  }
  const previous = transition.old
  faults.when(
    run.asker !== previous.asker || run.owner !== previous.owner || run.prompt !== previous.prompt ||
      run.asked_at !== previous.asked_at ||
      run.thread_id !== previous.thread_id || run.sibling_of !== previous.sibling_of,
    "a prompt changed"
  )
  faults.when(!isPrefix(previous.steps, run.steps), "a completed step changed")
  const receivesPartial = previous.status === "cancelled" && run.status === "cancelled" && previous.partial === null &&
    run.ended_at === previous.ended_at
  const isMarked = run.source_erased && !previous.source_erased
  faults.when(isFinished(previous) && !receivesPartial && !isMarked, "a finished run changed")
}

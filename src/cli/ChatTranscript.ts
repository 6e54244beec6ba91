/** What is new in a view of a thread, as text: messages, submissions, invitations, co-authors and runs. Pure. */
import { isFinished } from "../domain/chorus/ChorusRun.ts"
import type { Author, UserId } from "../domain/protocol/Ids.ts"
import type { PendingApproval, PlainMessage, PlainState, PlainSubmission } from "../domain/thread/ThreadModel.ts"
import { erasedMark } from "../domain/topic/SealedText.ts"
import type { ThreadView } from "./Connect.ts"
import { type OpenVote, shortId, waitsFor } from "./OpenVotes.ts"
import { aside, body, count, name, type TerminalText } from "./TerminalText.ts"
import { type ThreadText, threadTexts } from "./ThreadTexts.ts"
import * as Transcript from "./Transcript.ts"

/** The printed part of a thread. */
export interface PrintedThread {
  readonly messages: ReadonlySet<string>
  /** The status of each submission. */
  readonly submissions: ReadonlyMap<string, string>
  readonly invitations: ReadonlyMap<string, PendingApproval>
  readonly coAuthors: ReadonlySet<string>
  readonly runs: ReadonlyMap<string, Transcript.Printed>
  /** The texts that were there, and were not erased. */
  readonly texts: ReadonlySet<string>
}

const presentTexts = (state: PlainState): ReadonlySet<string> =>
  new Set(threadTexts(state).filter(({ text }) => text !== erasedMark).map(({ id }) => id))

/** How many of the newest messages are printed at the start. */
const recentMessageCount = 20

/** At the start: older messages, settled submissions and finished runs count as printed. */
export const initialPrinted = (state: PlainState): PrintedThread => {
  const { co_authors, messages, runs, submissions } = state
  return {
    messages: new Set(messages.slice(0, -recentMessageCount).map((message) => message.id)),
    submissions: new Map(
      submissions.flatMap(({ id, status }) => status === "pending" ? [] : [[id, status] as const])
    ),
    invitations: new Map(),
    coAuthors: new Set(co_authors),
    runs: new Map(runs.filter(isFinished).map((run) => [run.prompt_id, { ...Transcript.initial, ended: true }])),
    texts: presentTexts(state)
  }
}

/** Whose view it is, and the ids of the commands of this terminal, which shows their lines already. */
export interface Reader {
  readonly me: UserId
  readonly sentIds: ReadonlySet<string>
}

const nameOf = (author: Author, { me }: Reader) =>
  name(author === me ? "you" : `${author.slice(0, 4)}…${author.slice(-4)}`)

/** Who wrote something; an agent with the owner for whom it did (AUT8). */
const byline = (author: Author, owner: Author | undefined, reader: Reader): TerminalText =>
  owner === undefined
    ? [nameOf(author, reader)]
    : ["agent ", nameOf(author, reader), ", for ", nameOf(owner, reader)]

/** A message, with the voters who approved it, if any. */
const renderMessage = ({ approvals, author, content, owner }: PlainMessage, reader: Reader): TerminalText => {
  const approvers = approvals.map((user) => nameOf(user, reader).text).join(", ")
  return [
    ...byline(author, owner, reader),
    " ",
    ...(approvals.length === 0 ? [] : [aside(`(approved by ${approvers})`), " "]),
    body(content),
    "\n"
  ]
}

/** How this reader can vote, or how far the vote is. */
const renderVote = (vote: OpenVote, { me }: Reader): string =>
  waitsFor(vote, me)
    ? `/approve ${shortId(vote.id)} or /deny ${shortId(vote.id)}`
    : `${vote.votes.length} of ${count(vote.voters.length, "vote")}`

/** A new submission with its words, unless they were typed here; later its outcome only. */
const renderSubmission = (submission: PlainSubmission, known: string | undefined, reader: Reader): TerminalText => {
  const { author, content, id, owner, stake, status } = submission
  const outcome = status === "pending" ? renderVote(submission, reader) : status
  const facts = known === undefined ? `stakes ${stake.toLocaleString("en")}, ${outcome}` : outcome
  const isNew = known === undefined && !reader.sentIds.has(id)
  return [
    ...byline(author, owner, reader),
    " ",
    aside(`(submission ${shortId(id)}: ${facts})`),
    ...isNew ? [" ", body(content)] : [],
    "\n"
  ]
}

const renderInvitation = (gate: PendingApproval, reader: Reader): TerminalText => [
  ...byline(gate.by, gate.owner, reader),
  ` invites ${gate.action.user} `,
  aside(`(${renderVote(gate, reader)})`),
  "\n"
]

const renderMembers = (printed: PrintedThread, { co_authors, gates }: PlainState, reader: Reader): TerminalText => [
  ...gates.filter(({ id }) => !printed.invitations.has(id)).flatMap((gate) => renderInvitation(gate, reader)),
  ...[...printed.invitations.values()].flatMap(({ action, id }) =>
    gates.some((gate) => gate.id === id) || co_authors.includes(action.user)
      ? []
      : [`The invitation of ${action.user} was not approved.\n`]
  ),
  ...co_authors.flatMap((user) =>
    printed.coAuthors.has(user) ? [] : [nameOf(user, reader), " joins as a co-author.\n"]
  ),
  ...[...printed.coAuthors].filter((user) => !co_authors.some((coAuthor) => coAuthor === user)).map((user) =>
    `${user} has left.\n`
  )
]

/** A text that was erased after it was printed (TOP10): its words stay on this terminal. */
const renderErased = ({ author, id, owner }: ThreadText, reader: Reader): TerminalText => [
  ...byline(author, owner, reader),
  " ",
  aside(`(${shortId(id)} was erased)`),
  "\n"
]

/** The new part of a view as text, and the printed part after it. */
export const renderUpdate = (
  printed: PrintedThread,
  { confirmed, partialOutputs }: ThreadView,
  reader: Reader
): readonly [PrintedThread, TerminalText] => {
  const messages = confirmed.messages.filter((message) => !printed.messages.has(message.id))
  const submissions = confirmed.submissions.filter(({ id, status }) => printed.submissions.get(id) !== status)
  const runs = confirmed.runs.map((run) => {
    const previous = printed.runs.get(run.prompt_id)
    const progress = partialOutputs.find((text) => text.prompt_id === run.prompt_id)
    const [next, text] = Transcript.render(previous ?? Transcript.initial, run, progress)
    const isRemote = previous === undefined && !reader.sentIds.has(run.prompt_id)
    return {
      id: run.prompt_id,
      next,
      text: isRemote ? [...byline(run.asker, run.owner, reader), " asks: ", body(run.prompt), "\n", ...text] : text
    }
  })
  /** Whether its words stand on the terminal: typed here, or printed as a submission. */
  const isShown = (id: string) => reader.sentIds.has(id) || printed.submissions.get(id) === "pending"
  const output = [
    ...messages.filter(({ id }) => !isShown(id)).flatMap((message) => renderMessage(message, reader)),
    ...submissions.flatMap((submission) =>
      // One that was approved is among the messages.
      submission.status === "approved" && !isShown(submission.id)
        ? []
        : renderSubmission(submission, printed.submissions.get(submission.id), reader)
    ),
    ...renderMembers(printed, confirmed, reader),
    ...threadTexts(confirmed).filter(({ id, text }) => text === erasedMark && printed.texts.has(id)).flatMap((text) =>
      renderErased(text, reader)
    ),
    ...runs.flatMap(({ text }) => text)
  ]
  return [{
    messages: new Set([...printed.messages, ...messages.map((message) => message.id)]),
    submissions: new Map(confirmed.submissions.map((submission) => [submission.id, submission.status])),
    invitations: new Map(confirmed.gates.map((gate) => [gate.id, gate])),
    coAuthors: new Set(confirmed.co_authors),
    runs: new Map(runs.map(({ id, next }) => [id, next])),
    texts: presentTexts(confirmed)
  }, output]
}

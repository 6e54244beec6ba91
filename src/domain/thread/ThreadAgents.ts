/**
 * Agents in a thread (AUT8): an agent acts and votes as one with its owner, and its tokens are its owner's. A key that has
 * acted for an owner acts for this one only, in this thread: once it is revoked, neither as a person nor for somebody else.
 */
import * as LedgerModel from "../ledger/LedgerModel.ts"
import type { UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import type { Event, State, ThreadAgent } from "./ThreadModel.ts"

/** Who does something: a user, and the owner if the user acts as an agent. */
export interface Author {
  readonly user: UserId
  readonly owner?: UserId | undefined
}

/** The field `owner` of what an agent does; no field for a person. */
export const ownerField = (owner: UserId | undefined): { readonly owner?: UserId } =>
  owner === undefined ? {} : { owner }

/** The owner that a user acts for in this thread; undefined for a person. */
export const ownerIn = ({ agents = [] }: Pick<State, "agents">, user: UserId): UserId | undefined =>
  agents.find(({ agent }) => agent === user)?.owner

/**
 * AUT8: the rejection of what a key does that has acted for another owner here, and of an agent's agent: each would have a
 * vote beside the person behind both.
 */
export const rejectOwner = (state: State, { owner, user }: Author): Rejection | undefined => {
  const known = ownerIn(state, user)
  if (known !== undefined && known !== owner) return otherOwner
  if (owner === undefined) return undefined
  return ownerIn(state, owner) !== undefined || state.agents?.some((other) => other.owner === user)
    ? agentOfAgent
    : undefined
}

const otherOwner = makeRejection(
  "forbidden",
  "AUT8",
  "your key has acted in this thread as an agent: sign in with an attestation by the same owner"
)

const agentOfAgent = makeRejection(
  "forbidden",
  "AUT8",
  "an agent has no agents in a thread: act by an attestation of the person who owns both"
)

/** The account of a co-author or an author: the owner's for an agent. */
export const accountOf = (state: State, user: UserId): LedgerModel.AccountId =>
  LedgerModel.userAccount(ownerIn(state, user) ?? user)

/**
 * THR3, THR9: the co-authors who vote on a proposal. An owner and their agents have one vote, the owner's if they are a
 * co-author. What an owner or an agent of theirs proposed, no agent of theirs votes on; the owner does on what an agent
 * proposed, as they would not need to propose it themselves.
 */
export const votersOn = (state: State, { owner, user }: Author): ReadonlyArray<UserId> => {
  const { co_authors } = state
  const proposer = owner ?? ownerIn(state, user) ?? user
  return co_authors.filter((coAuthor) => {
    if (coAuthor === user) return false
    const ownerOfCoAuthor = ownerIn(state, coAuthor)
    if (ownerOfCoAuthor === undefined) return true
    return ownerOfCoAuthor !== proposer && !co_authors.includes(ownerOfCoAuthor) &&
      co_authors.find((other) => ownerIn(state, other) === ownerOfCoAuthor) === coAuthor
  })
}

/** AUT8: the rejection of an agent's vote that is its owner's, or that would be one on their own proposal. */
export const rejectVote = (
  voters: ReadonlyArray<UserId>,
  proposer: Author,
  { owner, user }: Author
): Rejection | undefined => {
  if (owner === undefined) return undefined
  if (proposer.user === user || proposer.user === owner || proposer.owner === owner) return ownProposal
  return voters.includes(owner) ? ownersVote : undefined
}

const ownProposal = makeRejection(
  "forbidden",
  "AUT8",
  "an agent does not vote on what its owner, or an agent of its owner, has proposed"
)
const ownersVote = makeRejection("forbidden", "AUT8", "your owner votes on this: an agent has no vote beside its owner")

/** The agent that an event is by; undefined for one by a person or the server. */
export const agentOf = (event: Event): ThreadAgent | undefined => {
  if (!("owner" in event) || event.owner === undefined) return undefined
  const { owner } = event
  switch (event._tag) {
    case "ThreadCreated":
      return { agent: event.creator, owner }
    case "GateOpened":
      return { agent: event.by, owner }
    case "VoteCast":
      return { agent: event.voter, owner }
    case "MessagePublished":
    case "PromptSubmitted":
    case "SubmissionOpened":
      return { agent: event.author, owner }
  }
}

/** The state that knows the agent of an event. */
export const recordAgent = (state: State, event: Event): State => {
  const acting = agentOf(event)
  return acting === undefined || ownerIn(state, acting.agent) !== undefined
    ? state
    : { ...state, agents: [...state.agents ?? [], acting] }
}

/** The votes on something as avatars: who approves, who denies, whose vote is missing (THR3, THR9). */
import type { ReactNode } from "react"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { Vote } from "../../domain/thread/ThreadModel.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Icon } from "../design/Icon.tsx"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { Avatar } from "../people/Avatar.tsx"
import { approvalMessages } from "./ApprovalMessages.ts"
import style from "./Ballot.module.css"

/** The voters of a submission or an invitation, and their votes. */
export interface Votes {
  readonly voters: ReadonlyArray<UserId>
  readonly votes: ReadonlyArray<Vote>
}

/** Whether a user is a voter whose vote is missing. */
export const mayVote = ({ voters, votes }: Votes, user: UserId): boolean =>
  voters.includes(user) && votes.every(({ voter }) => voter !== user)

/** The avatars of all voters, those who have voted first. */
export const Ballot = ({ ballot: { voters, votes } }: { readonly ballot: Votes }): ReactNode => {
  const messages = useMessages(approvalMessages)
  return (
    <ul className={style.faces} aria-label={messages.votes}>
      {[...new Set([...votes.map(({ voter }) => voter), ...voters])].map((voter) => (
        <BallotFace
          key={voter}
          voter={voter}
          vote={votes.find((vote) => vote.voter === voter)}
        />
      ))}
    </ul>
  )
}

const BallotFace = ({ voter, vote }: { readonly voter: UserId; readonly vote: Vote | undefined }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const name = voter === me ? undefined : shortKey(voter)
  const text = vote === undefined
    ? messages.hasNotVoted(name)
    : vote.choice === "approve"
    ? messages.approves(name)
    : messages.denies(name)
  return (
    <li className={style.face} data-vote={vote?.choice ?? "missing"} data-me={voter === me || undefined} title={text}>
      <Avatar author={voter} isAgent={vote?.owner !== undefined} size="s" />
      {vote !== undefined && (
        <span className={style.mark}>
          <Icon name={vote.choice === "approve" ? "check" : "x"} size="s" />
        </span>
      )}
      <VisuallyHidden>{text}</VisuallyHidden>
    </li>
  )
}

/** The frame of what is voted on: a bar at its edge and a word say how it stands. */
import type { ReactNode } from "react"
import { ErrorText } from "../design/ErrorText.tsx"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { messageElementId } from "../language/people.ts"
import { useNow } from "../topic/useNow.ts"
import { approvalMessages } from "./ApprovalMessages.ts"
import { Ballot, type Votes } from "./Ballot.tsx"
import style from "./VoteCard.module.css"

/** The frame of an open vote. */
export const VoteCard = ({ children, errorMessage, id, label }: {
  readonly id: string
  readonly label: string
  readonly errorMessage: string | undefined
  readonly children: ReactNode
}): ReactNode => (
  <article className={style.card} data-stage="open" id={messageElementId(id)} tabIndex={-1} aria-label={label}>
    {children}
    <ErrorText>{errorMessage}</ErrorText>
  </article>
)

/** How long a vote is still open. */
export const ClosesIn = ({ at }: { readonly at: number }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(approvalMessages)
  const remaining = at - useNow(60_000)
  return (
    <span className={style.pill} data-tone="wait">
      <Icon name="clock" size="s" />
      {remaining > 0 ? messages.closesIn(format.remaining(remaining)) : messages.closing}
    </span>
  )
}

/** The votes, the stake, and the buttons of an open vote. */
export const VoteFoot = ({ ballot, buttons, stake }: {
  readonly ballot: Votes
  readonly stake?: number | undefined
  readonly buttons: ReactNode
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(approvalMessages)
  return (
    <footer className={style.foot}>
      <Ballot ballot={ballot} />
      <span className={style.count}>{messages.voted(ballot.votes.length, ballot.voters.length)}</span>
      {stake !== undefined && (
        <span className={style.pill}>
          <Icon name="coin" size="s" />
          {messages.atStake(format.tokens(stake))}
        </span>
      )}
      <div className={style.buttons}>{buttons}</div>
    </footer>
  )
}

/** A submission: its text, its stake, the votes on it, and how they ended (THR2, THR3, THR4). */
import { memo, type ReactNode, useState } from "react"
import type { PlainSubmission, VoteChoice } from "../../domain/thread/ThreadModel.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { ConfirmDialog } from "../design/ConfirmDialog.tsx"
import { Icon, type IconName } from "../design/Icon.tsx"
import { EraseButton } from "../erasing/EraseDialog.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { Avatar } from "../people/Avatar.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { useThreadCommand } from "../topic/ThreadTopic.ts"
import { approvalMessages } from "./ApprovalMessages.ts"
import { mayVote } from "./Ballot.tsx"
import { SettledSubmission } from "./SettledSubmission.tsx"
import { type PossibleEnd, possibleEnds } from "./stakeEnds.ts"
import { useEndText } from "./useEndText.ts"
import { VoteButtons } from "./VoteButtons.tsx"
import style from "./VoteCard.module.css"
import { ClosesIn, VoteCard, VoteFoot } from "./VoteCard.tsx"

interface Props {
  readonly submission: PlainSubmission
}

/** A submission in the timeline. */
export const SubmissionCard = memo(({ submission }: Props): ReactNode =>
  submission.status === "pending"
    ? <OpenSubmission submission={submission} />
    : <SettledSubmission submission={submission} />
)

const OpenSubmission = ({ submission }: Props): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const [send, errorMessage] = useThreadCommand()
  const { author, content, expires_at, id, owner, seq, stake, submitted_at } = submission
  const isMine = author === me
  return (
    <VoteCard
      id={id}
      label={messages.submission(isMine ? undefined : shortKey(author))}
      errorMessage={errorMessage}
    >
      <div className={style.head}>
        <Avatar author={author} isAgent={owner !== undefined} />
        <div>
          <AuthorLine
            author={author}
            owner={owner}
            tag={messages.asksToJoin(isMine)}
            at={submitted_at}
          >
            <span className={style.end}>
              <ClosesIn at={expires_at} />
              <EraseButton
                item={{ seq, author, owner, text: content, noun: "submission", consequence: "stakeReturns" }}
              />
            </span>
          </AuthorLine>
          <Markdown text={content} />
        </div>
      </div>
      <PossibleEnds submission={submission} />
      <VoteFoot
        ballot={submission}
        stake={stake}
        buttons={
          <>
            {(isMine || owner === me) && (
              <WithdrawButton
                submission={submission}
                onWithdraw={() => void send({ _tag: "cancel_submission", message_id: id })}
              />
            )}
            {mayVote(submission, me) && (
              <VoteButtons
                explain={(choice) => <VoteEffect submission={submission} choice={choice} />}
                onVote={(decision) => void send({ _tag: "process_approval", message_id: id, decision })}
              />
            )}
          </>
        }
      />
    </VoteCard>
  )
}

const endIcons: { readonly [O in PossibleEnd["outcome"]]: IconName } = {
  approved: "check",
  denied: "x",
  split: "split"
}

/** What the vote can still lead to, beside one another. */
const PossibleEnds = ({ submission }: Props): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const endText = useEndText(submission)
  return (
    <dl className={style.ends} aria-label={messages.ends}>
      {possibleEnds(submission).map((end) => (
        <div key={end.outcome}>
          <dt>
            <Icon name={endIcons[end.outcome]} size="s" />
            {messages.condition[end.outcome]}
          </dt>
          <dd data-begins={end.outcome === "approved" && submission.author !== me ? "key" : undefined}>
            {endText.possible(end)}
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** What this user's choice leads to, in sentences. */
const VoteEffect = ({ choice, submission }: Props & { readonly choice: VoteChoice }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const endText = useEndText(submission)
  const ends = possibleEnds(submission, { voter: me, choice })
  const isLast = submission.votes.length + 1 === submission.voters.length
  return ends.map((end) => `${isLast ? messages.decides : messages.condition[end.outcome]}: ${endText.possible(end)}.`)
    .join(" ")
}

const WithdrawButton = ({ onWithdraw, submission }: Props & { readonly onWithdraw: () => void }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(approvalMessages)
  const { me } = useClient()
  const [isAsking, setAsking] = useState(false)
  const receiver = submission.owner ?? submission.author
  const back = messages.back(format.tokens(submission.stake), receiver === me ? undefined : shortKey(receiver))
  return (
    <>
      <Button onClick={() => setAsking(true)}>{messages.withdraw}</Button>
      <ConfirmDialog
        open={isAsking}
        onOpenChange={setAsking}
        title={messages.withdrawQuestion}
        confirmLabel={messages.withdraw}
        cancelLabel={messages.keepIt}
        danger
        onConfirm={onWithdraw}
      >
        {messages.withdrawEffect(back)}
      </ConfirmDialog>
    </>
  )
}

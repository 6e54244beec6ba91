/** A submission whose vote has ended, as one line: how it ended, who voted what, and where the stake went (THR4). */
import { type ReactNode, useState } from "react"
import type { PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { EraseButton } from "../erasing/EraseDialog.tsx"
import { useMessages } from "../language/Language.ts"
import { messageElementId, shortKey } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { approvalMessages } from "./ApprovalMessages.ts"
import { Ballot } from "./Ballot.tsx"
import { settledShares } from "./stakeEnds.ts"
import { useEndText } from "./useEndText.ts"
import style from "./VoteCard.module.css"

/** The line; its text is one press away. */
export const SettledSubmission = ({ submission }: { readonly submission: PlainSubmission }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const endText = useEndText(submission)
  const [isOpen, setOpen] = useState(false)
  const { author, content, id, owner, seq, status, submitted_at, votes } = submission
  const shares = settledShares(submission)
  const title = messages.submission(author === me ? undefined : shortKey(author))
  const isIn = status === "approved"
  return (
    <article
      className={style.settled}
      data-stage={isIn ? "in" : "out"}
      id={messageElementId(id)}
      tabIndex={-1}
      aria-label={title}
    >
      <div className={style.line}>
        <span className={style.pill} data-tone={isIn ? "in" : "out"}>
          <Icon name={isIn ? "check" : status === "expired" ? "clock" : "x"} size="s" />
          {messages.status[status]}
        </span>
        <span>{title}</span>
        {votes.length > 0 && <Ballot ballot={submission} />}
        {shares !== undefined && <span className={style.went}>{endText.settled(shares)}</span>}
        {content === erasedMark ?
          <LineText text={content} /> :
          (
            <Button variant="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {isOpen ? messages.hideText : messages.showText}
            </Button>
          )}
      </div>
      {isOpen && content !== erasedMark && (
        <div className={style.text}>
          <AuthorLine author={author} owner={owner} at={submitted_at}>
            <EraseButton item={{ seq, author, owner, text: content, noun: "submission" }} />
          </AuthorLine>
          <Markdown text={content} />
        </div>
      )}
    </article>
  )
}

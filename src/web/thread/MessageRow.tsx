/** A message in the timeline: its text, and what one can do with it while it is under the pointer or the keyboard. */
import { memo, type ReactNode, useState } from "react"
import type { PlainMessage } from "../../domain/thread/ThreadModel.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Icon } from "../design/Icon.tsx"
import { IconButton } from "../design/IconButton.tsx"
import { useCopy } from "../design/useCopy.ts"
import { EraseButton } from "../erasing/EraseDialog.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { messageElementId, shortKey } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { Avatar } from "../people/Avatar.tsx"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { threadLink } from "../topic/Route.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import { Fold } from "./Fold.tsx"
import style from "./MessageRow.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

interface Props {
  readonly message: PlainMessage
  readonly isContinuation: boolean
  readonly isPending: boolean
}

/** A message. */
export const MessageRow = memo(({ isContinuation, isPending, message }: Props): ReactNode => {
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const [isActive, setActive] = useState(false)
  const { approvals, at, author, content, id, owner, source, status } = message
  const tag = status === "approved" ? messages.joined(format.list(approvals.map(shortKey))) : undefined
  return (
    <article
      className={style.message}
      data-continuation={isContinuation || undefined}
      id={messageElementId(id)}
      tabIndex={-1}
      aria-label={messages.messageOf(shortKey(author), format.timeOfDay(at))}
      onPointerEnter={() => setActive(true)}
      onPointerLeave={({ currentTarget }) => setActive(currentTarget.contains(document.activeElement))}
      onFocus={() => setActive(true)}
      onBlur={({ currentTarget, relatedTarget }) => setActive(currentTarget.contains(relatedTarget))}
    >
      <div className={style.gutter}>
        {isContinuation
          ? <time className={style.time} dateTime={new Date(at).toISOString()}>{format.timeOfDay(at)}</time>
          : <Avatar author={author} isAgent={owner !== undefined} />}
      </div>
      <div className={style.body}>
        {!isContinuation && <AuthorLine author={author} owner={owner} tag={tag} at={at} />}
        {source === null
          ? <MessageText id={id} text={content} />
          : <Imported id={id} source={source} text={content} isContinuation={isContinuation} />}
        {isPending && <PendingNote />}
      </div>
      {isActive && !isPending && <MessageTools message={message} />}
    </article>
  )
})

const MessageText = ({ id, text }: { readonly id: string; readonly text: string }): ReactNode => (
  <Fold id={id} text={text}>
    <Markdown text={text} />
  </Fold>
)

/** Text from elsewhere, set as a document below the name of its file. */
const Imported = ({ id, isContinuation, source, text }: {
  readonly id: string
  readonly source: string
  readonly text: string
  readonly isContinuation: boolean
}): ReactNode => (
  <div className={style.document} data-continuation={isContinuation || undefined}>
    {!isContinuation && (
      <p className={style.source} dir="auto">
        <Icon name="file" />
        <LineText text={source} />
      </p>
    )}
    <Fold id={id} text={text}>
      <Markdown text={text} voice="document" />
    </Fold>
  </div>
)

const PendingNote = (): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const isLost = useClientState(({ lostAt }) => lostAt !== undefined)
  return (
    <p className={style.pending}>
      <Icon name="clock" size="s" />
      {isLost ? messages.kept : messages.sending}
    </p>
  )
}

const MessageTools = ({ message: { author, content, id, owner, seq } }: { readonly message: PlainMessage }) => {
  const messages = useMessages(threadPageMessages)
  const topic = useThreadTopic()
  const copy = useCopy()
  const link = threadLink(topic.id, id)
  return (
    <div className={style.tools}>
      {content !== erasedMark && (
        <IconButton
          icon="copy"
          label={messages.copyText}
          onClick={() => copy(content, messages.textCopied, messages.notCopied)}
        />
      )}
      <IconButton
        icon="link"
        label={messages.copyLink}
        onClick={() => copy(link, messages.linkCopied, messages.notCopied)}
      />
      <EraseButton item={{ seq, author, owner, text: content, noun: "message" }} />
    </div>
  )
}

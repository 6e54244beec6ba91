/** A thread in the list: its title and time, and below them who may read it. */
import { memo, type ReactNode } from "react"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { LineText } from "../text/LineText.tsx"
import { formatRoute } from "../topic/Route.ts"
import { threadListMessages } from "./ThreadListMessages.ts"
import style from "./ThreadRow.module.css"

interface Props {
  readonly thread: ThreadSummary
  readonly isOpen: boolean
  /** Whether the Tab key stops here; the arrow keys reach the other rows. */
  readonly isTabStop: boolean
}

/** The row. It renders again only when its thread or its place in the list's focus has changed. */
export const ThreadRow = memo(({ isOpen, isTabStop, thread }: Props): ReactNode => {
  const messages = useMessages(threadListMessages)
  const format = useFormat()
  const { co_authors, status, thread_id, title, updated_at, visibility } = thread
  const isPublic = visibility === "public"
  return (
    <li>
      <a
        className={style.row}
        href={formatRoute(thread_id)}
        data-thread={thread_id}
        aria-current={isOpen ? "page" : undefined}
        tabIndex={isTabStop ? 0 : -1}
      >
        <span className={style.title} dir="auto">
          <LineText text={title ?? erasedMark} />
        </span>{" "}
        <time className={style.time} dateTime={new Date(updated_at).toISOString()}>
          {format.shortTime(updated_at)}
        </time>{" "}
        <span className={style.about}>
          <Icon name={isPublic ? "globe" : "lock"} size="s" />
          {[
            isPublic ? messages.everybody : messages.coAuthorsOnly,
            messages.coAuthors(format.number(co_authors.length)),
            ...status === "closed" ? [messages.closed] : []
          ].join(" · ")}
        </span>
      </a>
    </li>
  )
})

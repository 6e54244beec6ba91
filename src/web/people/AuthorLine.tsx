/** The first line of an entry of the timeline: its author, what it is, its time, and its buttons. */
import type { ReactNode } from "react"
import type { Author, Instant } from "../../domain/protocol/Ids.ts"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import style from "./AuthorLine.module.css"
import { peopleMessages } from "./PeopleMessages.ts"
import { UserName } from "./UserName.tsx"

/** The line; `tag` says what the entry is, unless it is a plain message, and `owner` for whom an agent acted (AUT8). */
export const AuthorLine = ({ at, author, children, owner, tag }: {
  readonly author: Author
  readonly owner?: Author | undefined
  readonly tag?: ReactNode
  readonly at: Instant
  readonly children?: ReactNode
}): ReactNode => {
  const format = useFormat()
  const messages = useMessages(peopleMessages)
  return (
    <div className={style.line}>
      <strong className={style.name}>
        <UserName author={author} />
      </strong>
      {owner !== undefined && (
        <span className={style.tag}>
          <Icon name="agent" />
          {messages.authorisedBy} <UserName author={owner} />
        </span>
      )}
      {tag !== undefined && <span className={style.tag}>{tag}</span>}
      <time className={style.time} dateTime={new Date(at).toISOString()} title={format.fullTime(at)}>
        {format.shortTime(at)}
      </time>
      {children}
    </div>
  )
}

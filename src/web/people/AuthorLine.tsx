/** The first line of an entry of the timeline: its author, what it is, its time, and its buttons. */
import type { ReactNode } from "react"
import type { Author, Instant } from "../../domain/protocol/Ids.ts"
import { formatFullTime, formatTime } from "../language/legacy.ts"
import { UserBadge } from "./UserBadge.tsx"

/** The line; `tag` says what the entry is, unless it is a plain message, and `owner` for whom an agent acted (AUT8). */
export const AuthorLine = ({ at, author, children, me, owner, tag }: {
  readonly author: Author
  readonly owner?: Author | undefined
  readonly me: Author
  readonly tag?: string | undefined
  readonly at: Instant
  readonly children?: ReactNode
}): ReactNode => (
  <div className="byline">
    <UserBadge author={author} me={me} />
    {owner !== undefined && (
      <span className="muted">
        agent, for <UserBadge author={owner} me={me} />
      </span>
    )}
    {tag !== undefined && <span className="tag">{tag}</span>}
    <time dateTime={new Date(at).toISOString()} title={formatFullTime(at)}>{formatTime(at, Date.now())}</time>
    {children}
  </div>
)

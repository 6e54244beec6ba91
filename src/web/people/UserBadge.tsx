/** A user, displayed by their key. */
import type { CSSProperties, ReactNode } from "react"
import type { Author } from "../../domain/protocol/Ids.ts"
import { authorHue } from "../language/legacy.ts"
import { shortKey } from "../language/people.ts"

/** A dot in the colour of a key. */
export const UserDot = ({ author }: { readonly author: Author }): ReactNode => (
  <span className="user-dot" style={{ "--hue": authorHue(author) } as CSSProperties} aria-hidden="true" />
)

/** The dot and the short key of a user, marked if it is the viewer. */
export const UserBadge = ({ author, me }: { readonly author: Author; readonly me: Author }): ReactNode => (
  <span className="user-badge" title={author}>
    <UserDot author={author} />
    <span className="key">{shortKey(author)}</span>
    {author === me && <span className="self-label">you</span>}
  </span>
)

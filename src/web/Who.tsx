/** Somebody, by their key. */
import type { CSSProperties, ReactNode } from "react"
import type { Author } from "../domain/Ids.ts"
import { hueOf, shortKey } from "./words.ts"

export const Mark = ({ author }: { readonly author: Author }): ReactNode => (
  <span className="mark" style={{ "--hue": hueOf(author) } as CSSProperties} aria-hidden="true" />
)

export const Who = ({ author, me }: { readonly author: Author; readonly me: Author }): ReactNode => (
  <span className="who" title={author}>
    <Mark author={author} />
    <span className="key">{shortKey(author)}</span>
    {author === me && <span className="you">you</span>}
  </span>
)

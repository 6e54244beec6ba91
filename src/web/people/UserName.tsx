/** The name of a user: the short form of their key, since there is no other that nobody can take. */
import type { ReactNode } from "react"
import { type Author, isUser } from "../../domain/protocol/Ids.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { peopleMessages } from "./PeopleMessages.ts"
import style from "./UserName.module.css"

/** The short key, or "you" for the user of this page; the whole key is its title. */
export const UserName = ({ author }: { readonly author: Author }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(peopleMessages)
  return author === me
    ? <span title={author}>{messages.you}</span>
    : <bdi className={isUser(author) ? style.key : undefined} title={author}>{shortKey(author)}</bdi>
}

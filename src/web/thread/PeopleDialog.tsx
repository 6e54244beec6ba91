/** The co-authors of a thread: who they are, who is here, inviting another one (THR7). */
import { Schema } from "effect"
import { type FormEvent, type ReactNode, useState } from "react"
import { UserId } from "../../domain/protocol/Ids.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { Dialog } from "../design/Dialog.tsx"
import { TextField } from "../design/TextField.tsx"
import { useMessages } from "../language/Language.ts"
import { Avatar } from "../people/Avatar.tsx"
import { UserName } from "../people/UserName.tsx"
import { type ThreadFacts, useThreadCommand, useThreadFacts, useThreadView } from "../topic/ThreadTopic.ts"
import style from "./PeopleDialog.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** The dialog, for as long as it is rendered. */
export const PeopleDialog = ({ onClose }: { readonly onClose: () => void }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(threadPageMessages)
  const facts = useThreadFacts()
  const present = useThreadView(({ presence }) => presence.map(({ user }) => user)) ?? []
  if (facts === undefined) return null
  const { co_authors: coAuthors, isClosed } = facts
  return (
    <Dialog open onOpenChange={(open) => open ? undefined : onClose()} title={messages.people}>
      <ul className={style.people}>
        {coAuthors.map((user) => (
          <li key={user}>
            <Avatar author={user} />
            <UserName author={user} />
            {present.some((other) => other === user) && <span className={style.here}>{messages.hereNow}</span>}
          </li>
        ))}
      </ul>
      {!isClosed && isCoAuthor(facts, me) && <InviteForm coAuthors={coAuthors} />}
    </Dialog>
  )
}

const isUserId = Schema.is(UserId)

type Fault = "notAKey" | "isCoAuthor"

const InviteForm = ({ coAuthors }: { readonly coAuthors: ThreadFacts["co_authors"] }): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const [send, errorMessage] = useThreadCommand()
  const [key, setKey] = useState("")
  const [fault, setFault] = useState<Fault>()
  const invite = (event: FormEvent) => {
    event.preventDefault()
    const user = key.trim()
    if (!isUserId(user)) return setFault("notAKey")
    if (coAuthors.includes(user)) return setFault("isCoAuthor")
    void send({ _tag: "invite_co_author", user }).then((isSent) => isSent ? setKey("") : undefined)
  }
  return (
    <form className={style.invite} onSubmit={invite}>
      <TextField
        label={messages.inviteByKey}
        hint={`${messages.keyHint} ${coAuthors.length === 1 ? messages.joinsAtOnce : messages.joinsByVote}`}
        error={fault === undefined ? errorMessage : messages[fault]}
        value={key}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setKey(event.target.value)
          setFault(undefined)
        }}
      />
      <Button variant="go" type="submit" disabled={key.trim() === ""}>{messages.invite}</Button>
    </form>
  )
}

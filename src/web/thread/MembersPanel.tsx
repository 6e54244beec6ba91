/** The co-authors of a thread: who they are, inviting, leaving, closing (THR7). */
import { Schema } from "effect"
import { type FormEvent, type ReactNode, useId, useState } from "react"
import { UserId } from "../../domain/protocol/Ids.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import type { PlainState } from "../../domain/thread/ThreadModel.ts"
import { UserBadge } from "../people/UserBadge.tsx"
import { type ThreadTopic, useCommand } from "../topic/hooks.ts"

interface Props {
  readonly topic: ThreadTopic
  readonly thread: PlainState
  readonly me: UserId
}

/** The panel, closed at first. */
export const MembersPanel = ({ me, thread, topic }: Props): ReactNode => {
  const [send, errorMessage] = useCommand(topic)
  const isMember = isCoAuthor(thread, me)
  const isLast = thread.co_authors.length === 1
  const leave = () => {
    if (confirm("Leave this thread? You take an equal share of its tokens, and can return by invitation only.")) {
      send({ _tag: "divest" })
    }
  }
  const close = () => {
    if (confirm("Close this thread for good? It can be read afterwards, but not written to.")) {
      send({ _tag: "close_thread" })
    }
  }
  return (
    <details className="people">
      <summary>People</summary>
      <div className="stack">
        <ul className="stack" aria-label="Co-authors">
          {thread.co_authors.map((user) => (
            <li key={user}>
              <UserBadge author={user} me={me} />
            </li>
          ))}
        </ul>
        {isMember && thread.status === "active" && (
          <>
            <InviteForm thread={thread} onInvite={(user) => send({ _tag: "invite_co_author", user })} />
            <div className="row">
              {isLast
                ? <button type="button" onClick={close}>Close the thread</button>
                : <button type="button" onClick={leave}>Leave the thread</button>}
            </div>
          </>
        )}
        {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
      </div>
    </details>
  )
}

const isUserId = Schema.is(UserId)

const InviteForm = (
  { onInvite, thread }: { readonly thread: PlainState; readonly onInvite: (user: UserId) => void }
): ReactNode => {
  const [key, setKey] = useState("")
  const [isWrong, setIsWrong] = useState(false)
  const inputId = useId()
  const invite = (event: FormEvent) => {
    event.preventDefault()
    const user = key.trim()
    if (!isUserId(user)) return setIsWrong(true)
    onInvite(user)
    setKey("")
  }
  return (
    <form onSubmit={invite}>
      <label htmlFor={inputId}>Invite by public key</label>
      <div className="row tight">
        <input
          id={inputId}
          value={key}
          placeholder="43 characters"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setKey(event.target.value)
            setIsWrong(false)
          }}
        />
        <button type="submit" disabled={key.trim() === ""}>Invite</button>
      </div>
      {isWrong && (
        <p className="error-message" role="alert">
          This is not a public key. It has 43 characters, and its owner finds it below the list of threads.
        </p>
      )}
      <p className="muted">
        {thread.co_authors.length === 1
          ? "They become a co-author at once."
          : "They become a co-author when the other co-authors have approved."}
      </p>
    </form>
  )
}

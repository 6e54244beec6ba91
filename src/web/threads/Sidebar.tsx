/** The sidebar: creating a thread, the lists of threads, the user's key. */
import { type FormEvent, type ReactNode, useId, useState } from "react"
import { type Client, commandId } from "../../client/Client.ts"
import type { State } from "../../client/ClientModel.ts"
import { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { KeyPanel } from "../identity/KeyPanel.tsx"
import { formatTime } from "../language/legacy.ts"
import { formatError } from "../language/people.ts"
import { LineText } from "../text/LineText.tsx"

interface Props {
  readonly client: Client
  readonly state: State
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly open: TopicId | undefined
  readonly secret: string | undefined
  readonly unsaved: boolean
  readonly onKeySaved: () => void
  readonly onKeyRemoved: () => void
  readonly onThreadCreated: (topic: TopicId) => void
}

/** The sidebar. */
export const Sidebar = (
  { client, onThreadCreated, onKeyRemoved, open, onKeySaved, secret, state, threads, unsaved }: Props
): ReactNode => {
  const mine = threads.filter((summary) => summary.co_authors.includes(client.me))
  const others = threads.filter((summary) => !summary.co_authors.includes(client.me))
  return (
    <aside className="sidebar" aria-label="Threads and key">
      <a className="brand" href="#">
        <img src="/favicon.svg" alt="" width="24" height="24" />
        <span>Choir</span>
      </a>
      <NewThread client={client} onThreadCreated={onThreadCreated} />
      <nav aria-label="Threads">
        <ThreadList title="Your threads" threads={mine} open={open} emptyText="You have no threads yet." />
        <ThreadList
          title="Other public threads"
          threads={others}
          open={open}
          emptyText="There are no other public threads."
        />
      </nav>
      <KeyPanel
        client={client}
        balance={state.init?.user.balance}
        secret={secret}
        unsaved={unsaved}
        onKeySaved={onKeySaved}
        onKeyRemoved={onKeyRemoved}
      />
    </aside>
  )
}

const ThreadList = ({ emptyText, open, threads, title }: {
  readonly title: string
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly open: TopicId | undefined
  readonly emptyText: string
}): ReactNode => {
  const now = Date.now()
  const newest = threads.toSorted((a, b) => b.updated_at - a.updated_at)
  return (
    <section>
      <h2>{title}</h2>
      {threads.length === 0 ? <p className="muted">{emptyText}</p> : (
        <ul className="threads">
          {newest.map(({ status, thread_id, title, updated_at, visibility }) => (
            <li key={thread_id}>
              <a href={`#${thread_id}`} aria-current={thread_id === open ? "page" : undefined}>
                <span className="title">
                  <LineText text={title ?? erasedMark} />
                </span>
                <span className="muted">
                  {formatTime(updated_at, now)}
                  {visibility === "members" && " · co-authors only"}
                  {status === "closed" && " · closed"}
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

const NewThread = (
  { client, onThreadCreated }: { readonly client: Client; readonly onThreadCreated: (topic: TopicId) => void }
): ReactNode => {
  const [name, setName] = useState("")
  const [members, setMembers] = useState(false)
  const [errorMessage, setErrorMessage] = useState<string>()
  const inputId = useId()

  const create = (event: FormEvent) => {
    event.preventDefault()
    const id = commandId()
    const topic = TopicId.make(`thread:${id}`)
    const visibility = members ? "members" : "public"
    client.topic(threadKind, topic).sendPromise({ _tag: "create_thread", name: name.trim(), visibility }, id).then(
      () => {
        setName("")
        setMembers(false)
        setErrorMessage(undefined)
        onThreadCreated(topic)
        location.hash = topic
      },
      (error: unknown) => setErrorMessage(formatError(error))
    )
  }

  return (
    <form className="new-thread" onSubmit={create}>
      <label htmlFor={inputId}>New thread</label>
      <div className="row tight">
        <input
          id={inputId}
          value={name}
          maxLength={200}
          placeholder="Title"
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={name.trim() === ""}>Create</button>
      </div>
      <label className="checkbox-label">
        <input type="checkbox" checked={members} onChange={(event) => setMembers(event.target.checked)} />
        Co-authors only
      </label>
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </form>
  )
}

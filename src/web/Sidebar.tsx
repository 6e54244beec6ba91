/** Who one is, what one has, and the threads there are. */
import { type FormEvent, type ReactNode, useId, useState } from "react"
import { type Client, commandId } from "../client/Client.ts"
import type { State } from "../client/ClientModel.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../domain/protocol/Protocol.ts"
import { threadKind } from "../domain/thread/Thread.ts"
import { formatError, formatTime } from "./format.ts"
import { KeyPanel } from "./KeyPanel.tsx"

interface Props {
  readonly client: Client
  readonly state: State
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly open: TopicId | undefined
  readonly secret: string | undefined
  readonly unsaved: boolean
  readonly onKeySaved: () => void
  readonly onKeyForgotten: () => void
  readonly onThreadCreated: () => void
}

export const Sidebar = (
  { client, onThreadCreated, onKeyForgotten, open, onKeySaved, secret, state, threads, unsaved }: Props
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
        <ThreadList title="Yours" threads={mine} open={open} emptyText="You have no threads yet." />
        <ThreadList title="Public" threads={others} open={open} emptyText="Nobody else has a public thread yet." />
      </nav>
      <KeyPanel
        client={client}
        balance={state.init?.user.balance}
        secret={secret}
        unsaved={unsaved}
        onKeySaved={onKeySaved}
        onKeyForgotten={onKeyForgotten}
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
                <span className="title">{title}</span>
                <span className="muted">
                  {formatTime(updated_at, now)}
                  {visibility === "members" && " · members"}
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

/** Threads started just now: one goes on writing in them at once. */
export const newThreadIds = new Set<TopicId>()

const NewThread = (
  { client, onThreadCreated }: { readonly client: Client; readonly onThreadCreated: () => void }
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
        setErrorMessage(undefined)
        onThreadCreated()
        newThreadIds.add(topic)
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
          placeholder="What is it about?"
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={name.trim() === ""}>Start</button>
      </div>
      <label className="checkbox-label">
        <input type="checkbox" checked={members} onChange={(event) => setMembers(event.target.checked)} />
        Only for its co-authors
      </label>
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </form>
  )
}

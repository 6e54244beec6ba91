/** Who one is, what one has, and the threads there are. */
import { type FormEvent, type ReactNode, useId, useState } from "react"
import { type Client, commandId } from "../client/Client.ts"
import type { State } from "../client/Model.ts"
import { TopicId } from "../domain/Ids.ts"
import { thread } from "../domain/kinds/Thread.ts"
import type { ThreadSummary } from "../domain/Protocol.ts"
import { KeyPanel } from "./KeyPanel.tsx"
import { sentence, timeOf } from "./words.ts"

interface Props {
  readonly client: Client
  readonly state: State
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly open: TopicId | undefined
  readonly secret: string | undefined
  readonly unsaved: boolean
  readonly saved: () => void
  readonly leave: () => void
  readonly created: () => void
}

export const Sidebar = ({ client, created, leave, open, saved, secret, state, threads, unsaved }: Props): ReactNode => {
  const mine = threads.filter((one) => one.co_authors.includes(client.me))
  const others = threads.filter((one) => !one.co_authors.includes(client.me))
  return (
    <aside className="sidebar" aria-label="Threads and key">
      <a className="brand" href="#">
        <img src="/favicon.svg" alt="" width="24" height="24" />
        <span>Choir</span>
      </a>
      <NewThread client={client} created={created} />
      <nav aria-label="Threads">
        <List title="Yours" threads={mine} open={open} none="You have no threads yet." />
        <List title="Public" threads={others} open={open} none="Nobody else has a public thread yet." />
      </nav>
      <KeyPanel
        client={client}
        balance={state.welcome?.user.balance}
        secret={secret}
        unsaved={unsaved}
        saved={saved}
        leave={leave}
      />
    </aside>
  )
}

const List = ({ none, open, threads, title }: {
  readonly title: string
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly open: TopicId | undefined
  readonly none: string
}): ReactNode => {
  const now = Date.now()
  const newest = threads.toSorted((a, b) => b.updated_at - a.updated_at)
  return (
    <section>
      <h2>{title}</h2>
      {threads.length === 0 ? <p className="quiet">{none}</p> : (
        <ul className="threads">
          {newest.map(({ status, thread_id, title, updated_at, visibility }) => (
            <li key={thread_id}>
              <a href={`#${thread_id}`} aria-current={thread_id === open ? "page" : undefined}>
                <span className="title">{title}</span>
                <span className="quiet">
                  {timeOf(updated_at, now)}
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
export const fresh = new Set<TopicId>()

const NewThread = ({ client, created }: { readonly client: Client; readonly created: () => void }): ReactNode => {
  const [name, setName] = useState("")
  const [members, setMembers] = useState(false)
  const [fault, setFault] = useState<string>()
  const field = useId()

  const create = (event: FormEvent) => {
    event.preventDefault()
    const id = commandId()
    const topic = TopicId.make(`thread:${id}`)
    const visibility = members ? "members" : "public"
    client.topic(thread, topic).post({ _tag: "create_thread", name: name.trim(), visibility }, id).then(
      () => {
        setName("")
        setFault(undefined)
        created()
        fresh.add(topic)
        location.hash = topic
      },
      (error: unknown) => setFault(sentence(error))
    )
  }

  return (
    <form className="new" onSubmit={create}>
      <label htmlFor={field}>New thread</label>
      <div className="row tight">
        <input
          id={field}
          value={name}
          maxLength={200}
          placeholder="What is it about?"
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={name.trim() === ""}>Start</button>
      </div>
      <label className="check">
        <input type="checkbox" checked={members} onChange={(event) => setMembers(event.target.checked)} />
        Only for its co-authors
      </label>
      {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
    </form>
  )
}

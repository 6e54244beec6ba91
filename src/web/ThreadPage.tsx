/** One thread: who is there, what was said, and where one says more. */
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react"
import type { Client } from "../client/Client.ts"
import type { State } from "../client/Model.ts"
import type { TopicId, UserId } from "../domain/Ids.ts"
import { Composer } from "./Composer.tsx"
import { type ThreadView, useNow, useThread } from "./hooks.ts"
import { Timeline } from "./Timeline.tsx"
import { Mark } from "./Who.tsx"
import { shortKey, tokens } from "./words.ts"

interface Props {
  readonly client: Client
  readonly state: State
  readonly id: TopicId
  /** Something happened that lists and balances may show. */
  readonly changed: () => void
}

export const ThreadPage = ({ changed, client, id, state }: Props): ReactNode => {
  const [topic, view] = useThread(client, id)
  const seq = view?.position?.seq
  const [sent, setSent] = useState(0)
  useEffect(() => {
    if (seq === undefined) return undefined
    const timer = setTimeout(changed, 500)
    return () => clearTimeout(timer)
  }, [seq, changed])

  const title = view?.position === undefined ? undefined : view.state.title
  useEffect(() => {
    if (title === undefined || title === "") return undefined
    document.title = `${title} · Choir`
    return () => {
      document.title = "Choir"
    }
  }, [title])

  if (view?.sync._tag === "Refused") {
    return (
      <main className="empty">
        <h1>This thread is not here for you</h1>
        <p>{view.sync.fault.message.replace(/^./, (first) => first.toUpperCase())}.</p>
        <p>
          <a href="#">Back to the threads</a>
        </p>
      </main>
    )
  }
  if (view?.position === undefined) return <main className="empty" aria-busy="true" />
  return (
    <main className="thread">
      <Header view={view} me={client.me} />
      <Scroll view={view} sent={sent}>
        <Timeline topic={topic} view={view} me={client.me} />
        <Typing view={view} connection={state.link._tag === "Online" ? state.link.connection : ""} />
      </Scroll>
      <Composer
        topic={topic}
        thread={view.state}
        me={client.me}
        chorus={state.welcome?.chorus}
        sent={() => setSent((count) => count + 1)}
      />
    </main>
  )
}

const Header = ({ me, view }: { readonly view: ThreadView; readonly me: UserId }): ReactNode => {
  const { co_authors, status, title, token_balance, visibility } = view.state
  const here = [...new Set(view.presence.map((one) => one.user))]
  return (
    <header className="head">
      <a className="back" href="#" aria-label="All threads">←</a>
      <div>
        <h1>{title}</h1>
        <p className="quiet">
          {visibility === "public" ? "Public" : "For its co-authors"}
          {" · "}
          {co_authors.length === 1 ? "1 co-author" : `${co_authors.length} co-authors`}
          {co_authors.includes(me) && ", you among them"}
          {token_balance > 0 && ` · holds ${tokens(token_balance)}`}
          {status === "closed" && " · closed"}
        </p>
      </div>
      <ul className="here" aria-label="Here now">
        {here.map((user) => (
          <li key={user} title={user}>
            <Mark author={user} />
            <span className="key">{user === me ? "you" : shortKey(user)}</span>
          </li>
        ))}
      </ul>
    </header>
  )
}

/**
 * Stays at the newest as long as one is there, and leaves whoever reads further
 * up alone, until they send something themselves: `sent` counts that.
 */
const Scroll = ({ children, sent, view }: {
  readonly view: ThreadView
  readonly sent: number
  readonly children: ReactNode
}): ReactNode => {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const lastTop = useRef(0)
  const stick = () => {
    if (box.current === null || !atEnd.current) return
    box.current.scrollTop = box.current.scrollHeight
    lastTop.current = box.current.scrollTop
  }
  useLayoutEffect(stick, [view])
  useLayoutEffect(() => {
    atEnd.current = true
    stick()
  }, [sent])
  // The box shrinks as well: when a line appears above it, or somebody writes more below.
  useEffect(() => {
    if (box.current === null) return undefined
    const observer = new ResizeObserver(stick)
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  return (
    <div
      className="scroll"
      ref={box}
      onScroll={({ currentTarget: { clientHeight, scrollHeight, scrollTop } }) => {
        // Only who moves up leaves the end: the box may have shrunk since, and this be late news of `stick`.
        if (scrollHeight - scrollTop - clientHeight < 80) atEnd.current = true
        else if (scrollTop < lastTop.current) atEnd.current = false
        lastTop.current = scrollTop
      }}
    >
      {children}
    </div>
  )
}

/** A sign of typing that is older than this is over, whatever became of its end. */
const typingFor = 8_000

const Typing = ({ connection, view }: { readonly view: ThreadView; readonly connection: string }): ReactNode => {
  const now = useNow(2_000)
  const typing = view.signals.filter((signal) =>
    signal.key === "typing" && signal.connection !== connection && now - signal.at < typingFor
  )
  const names = [...new Set(typing.map((signal) => shortKey(signal.from)))]
  return (
    <p className="typing" aria-live="polite">
      {names.length > 0 && `${names.join(", ")} ${names.length === 1 ? "is" : "are"} writing…`}
    </p>
  )
}

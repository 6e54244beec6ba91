/** One thread: who is there, what was said, and where one says more. */
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react"
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
  useEffect(() => {
    if (seq === undefined) return undefined
    const timer = setTimeout(changed, 500)
    return () => clearTimeout(timer)
  }, [seq, changed])

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
      <Scroll view={view}>
        <Timeline topic={topic} view={view} me={client.me} />
        <Typing view={view} connection={state.link._tag === "Online" ? state.link.connection : ""} />
      </Scroll>
      <Composer topic={topic} thread={view.state} me={client.me} chorus={state.welcome?.chorus} />
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

/** Stays at the newest as long as one is there, and leaves whoever reads further up alone. */
const Scroll = ({ children, view }: { readonly view: ThreadView; readonly children: ReactNode }): ReactNode => {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const stick = () => {
    if (box.current !== null && atEnd.current) box.current.scrollTop = box.current.scrollHeight
  }
  useLayoutEffect(stick, [view])
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
        atEnd.current = scrollHeight - scrollTop - clientHeight < 80
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

/** One thread: header, timeline, typing indicator and composer. */
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react"
import type { Client } from "../../client/Client.ts"
import type { State } from "../../client/ClientModel.ts"
import type { TopicId, UserId } from "../../domain/protocol/Ids.ts"
import { ChoirProvider } from "../../react/ClientContext.ts"
import { Composer } from "../composer/Composer.tsx"
import { formatTokens } from "../language/legacy.ts"
import { formatError, shortKey } from "../language/people.ts"
import { UserDot } from "../people/UserBadge.tsx"
import { LineText } from "../text/LineText.tsx"
import { type ThreadTopic, type ThreadView, useNow, useThread } from "../topic/hooks.ts"
import { ThreadTopicProvider } from "../topic/ThreadTopic.ts"
import { MembersPanel } from "./MembersPanel.tsx"
import { Timeline } from "./Timeline.tsx"

interface Props {
  readonly client: Client
  readonly state: State
  readonly id: TopicId
  /** Called after an event that may change lists and balances. */
  readonly onThreadChanged: () => void
  /** Whether to focus the composer when it appears, and what to call then. */
  readonly focusComposer: boolean
  readonly onComposerFocused: () => void
}

/** The page of a thread. */
export const ThreadPage = (
  { client, focusComposer, id, onComposerFocused, onThreadChanged, state }: Props
): ReactNode => {
  const [topic, view] = useThread(client, id)
  const seq = view?.position?.seq
  const [sentCount, setSentCount] = useState(0)
  useEffect(() => {
    if (seq === undefined) return undefined
    const timer = setTimeout(onThreadChanged, 500)
    return () => clearTimeout(timer)
  }, [seq, onThreadChanged])

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
      <main className="empty-state">
        <h1>You cannot read this thread</h1>
        <p>{formatError(view.sync.reason.message)}</p>
        <p>
          <a href="#">Back to all threads</a>
        </p>
      </main>
    )
  }
  if (view?.position === undefined) return <main className="empty-state" aria-busy="true" />
  return (
    <main className="thread">
      <ThreadHeader topic={topic} view={view} me={client.me} />
      <StickyScroll view={view} sentCount={sentCount}>
        <Timeline topic={topic} view={view} me={client.me} />
        <TypingIndicator
          view={view}
          connection={state.connection._tag === "Online" ? state.connection.connectionId : ""}
        />
      </StickyScroll>
      <ChoirProvider client={client}>
        <ThreadTopicProvider id={id}>
          <Composer
            onSent={() => setSentCount((count) => count + 1)}
            focusOnMount={focusComposer}
            onFocused={onComposerFocused}
          />
        </ThreadTopicProvider>
      </ChoirProvider>
    </main>
  )
}

const ThreadHeader = ({ me, topic, view }: {
  readonly topic: ThreadTopic
  readonly view: ThreadView
  readonly me: UserId
}): ReactNode => {
  const { co_authors, status, title, token_balance, visibility } = view.state
  const presentUsers = [...new Set(view.presence.map((entry) => entry.user))]
  return (
    <header className="thread-header">
      <a className="back" href="#" aria-label="All threads">←</a>
      <div>
        <h1>
          <LineText text={title} />
        </h1>
        <p className="muted">
          {visibility === "public" ? "Public" : "Co-authors only"}
          {" · "}
          {co_authors.length === 1 ? "1 co-author" : `${co_authors.length} co-authors`}
          {co_authors.includes(me) && ", including you"}
          {token_balance > 0 && ` · balance ${formatTokens(token_balance)}`}
          {status === "closed" && " · closed"}
        </p>
      </div>
      <ul className="present-users" aria-label="Connected now">
        {presentUsers.map((user) => (
          <li key={user} title={user}>
            <UserDot author={user} />
            <span className="key">{user === me ? "you" : shortKey(user)}</span>
          </li>
        ))}
      </ul>
      <MembersPanel topic={topic} thread={view.state} me={me} />
    </header>
  )
}

/**
 * Scrolls to the end when the content grows, unless the user has scrolled up. A sent message (`sentCount`) scrolls to
 * the end in any case.
 */
const StickyScroll = ({ children, sentCount, view }: {
  readonly view: ThreadView
  readonly sentCount: number
  readonly children: ReactNode
}): ReactNode => {
  const container = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const lastTop = useRef(0)
  const scrollToEnd = () => {
    if (container.current === null || !atEnd.current) return
    container.current.scrollTop = container.current.scrollHeight
    lastTop.current = container.current.scrollTop
  }
  useLayoutEffect(scrollToEnd, [view])
  useLayoutEffect(() => {
    atEnd.current = true
    scrollToEnd()
  }, [sentCount])
  // The container shrinks when the banner above it appears or the composer below it grows.
  useEffect(() => {
    if (container.current === null) return undefined
    const observer = new ResizeObserver(scrollToEnd)
    observer.observe(container.current)
    return () => observer.disconnect()
  }, [])
  return (
    <div
      className="scroll"
      ref={container}
      onScroll={({ currentTarget: { clientHeight, scrollHeight, scrollTop } }) => {
        // Only scrolling up leaves the end: a scroll event of `scrollToEnd` may arrive after the container has shrunk.
        if (scrollHeight - scrollTop - clientHeight < 80) atEnd.current = true
        else if (scrollTop < lastTop.current) atEnd.current = false
        lastTop.current = scrollTop
      }}
    >
      {children}
    </div>
  )
}

/** Milliseconds after which a typing signal expires, in case its removal was lost. */
const typingTimeout = 8_000

const TypingIndicator = (
  { connection, view }: { readonly view: ThreadView; readonly connection: string }
): ReactNode => {
  const now = useNow(2_000)
  const typing = view.signals.filter((signal) =>
    signal.key === "typing" && signal.connection !== connection && now - signal.at < typingTimeout
  )
  const names = [...new Set(typing.map((signal) => shortKey(signal.from)))]
  return (
    <p className="typing" aria-live="polite">
      {names.length > 0 && `${names.join(", ")} ${names.length === 1 ? "is" : "are"} writing…`}
    </p>
  )
}

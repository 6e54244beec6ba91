/** The page of a signed-in user: the sidebar and the open thread. */
import { Effect, Schema } from "effect"
import { type ReactNode, useCallback, useEffect, useState } from "react"
import type { Client } from "../../client/Client.ts"
import { kindOf, TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import { retryPending, useUnloadWarning } from "../composer/sending.ts"
import { SaveKeyNotice } from "../identity/KeyPanel.tsx"
import { isSaved } from "../storage/savedText.ts"
import { ThreadPage } from "../thread/ThreadPage.tsx"
import { Sidebar } from "../threads/Sidebar.tsx"
import { useClient, useHash } from "../topic/hooks.ts"
import { ConnectionStatus } from "./ConnectionStatus.tsx"

/** Milliseconds. */
const refreshInterval = 15_000

/** The threads that the user may read. Polled, since the protocol has no notification of a changed list. */
const useThreads = (
  client: Client,
  online: boolean,
  erasedTitles: ReadonlySet<TopicId>
): readonly [ReadonlyArray<ThreadSummary>, () => void] => {
  const [threads, setThreads] = useState<ReadonlyArray<ThreadSummary>>([])
  const refresh = useCallback(() => {
    if (client.state().connection._tag !== "Online") return
    Effect.runPromise(Effect.andThen(Effect.ignore(client.user), client.threads({ public: true }))).then(
      (answer) => setThreads(answer.threads),
      () => {} // The next poll retries.
    )
  }, [client])
  useEffect(() => {
    if (!online) return undefined
    // Also while the page is hidden: what was erased while it was away leaves the list (TOP10).
    refresh()
    const timer = setInterval(() => document.visibilityState === "hidden" ? undefined : refresh(), refreshInterval)
    return () => clearInterval(timer)
  }, [online, refresh])
  useEffect(() => {
    setThreads((threads) =>
      threads.map((thread) => erasedTitles.has(thread.thread_id) ? { ...thread, title: null } : thread)
    )
  }, [erasedTitles])
  return [threads, refresh]
}

const isTopicId = Schema.is(TopicId)

const parseThreadId = (hash: string): TopicId | undefined =>
  isTopicId(hash) && kindOf(hash) === threadKind.name ? hash : undefined

interface Props {
  readonly client: Client
  readonly secret: string | undefined
  readonly onKeyRemoved: () => void
}

/** The page of a signed-in user. */
export const Workspace = ({ client, onKeyRemoved, secret }: Props): ReactNode => {
  const state = useClient(client)
  const online = state.connection._tag === "Online"
  const [threads, refresh] = useThreads(client, online, state.erasedTitles)
  const openTopic = parseThreadId(useHash())
  // A thread that was just created: its composer takes the focus once.
  const [createdTopic, setCreatedTopic] = useState<TopicId>()
  const [unsaved, setUnsaved] = useState(secret !== undefined)
  const markSaved = () => setUnsaved(false)
  useEffect(() => retryPending(client), [client])
  useUnloadWarning(state.outbox.some(({ id, stage }) => stage !== "accepted" && !isSaved(client.me, id)))
  return (
    <div className={openTopic === undefined ? "workspace" : "workspace open"}>
      <div className="banners">
        <ConnectionStatus client={client} state={state} />
        {/* On narrow screens the key panel is hidden while a thread is open. */}
        {unsaved && secret !== undefined && openTopic !== undefined && (
          <div className="narrow-only">
            <SaveKeyNotice secret={secret} onDone={markSaved} />
          </div>
        )}
      </div>
      <Sidebar
        client={client}
        state={state}
        threads={threads}
        open={openTopic}
        secret={secret}
        unsaved={unsaved}
        onKeySaved={markSaved}
        onKeyRemoved={onKeyRemoved}
        onThreadCreated={(topic) => {
          setCreatedTopic(topic)
          refresh()
        }}
      />
      {openTopic === undefined
        ? (
          <main className="empty-state">
            <h1>No thread is open</h1>
            <p>Open a thread from the list, or create one. Changes in a thread are shown to all its readers at once.</p>
          </main>
        )
        : (
          <ThreadPage
            key={openTopic}
            id={openTopic}
            message={undefined}
            onThreadChanged={refresh}
            focusComposer={createdTopic === openTopic}
            onComposerFocused={() => setCreatedTopic(undefined)}
          />
        )}
    </div>
  )
}

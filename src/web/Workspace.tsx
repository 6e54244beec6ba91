/** The page once a key is there: threads on one side, the open thread on the other. */
import { Effect } from "effect"
import { type ReactNode, useCallback, useEffect, useState } from "react"
import type { Client } from "../client/Client.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../domain/protocol/Protocol.ts"
import { ConnectionStatus } from "./ConnectionStatus.tsx"
import { useUnloadWarning } from "./drafts.ts"
import { useClient, useHash } from "./hooks.ts"
import { SaveKeyNotice } from "./KeyPanel.tsx"
import { Sidebar } from "./Sidebar.tsx"
import { ThreadPage } from "./ThreadPage.tsx"

const refreshInterval = 15_000

/** The threads one may see, asked for again now and then, since nobody tells when a list changes. */
const useThreads = (client: Client, online: boolean): readonly [ReadonlyArray<ThreadSummary>, () => void] => {
  const [threads, setThreads] = useState<ReadonlyArray<ThreadSummary>>([])
  const refresh = useCallback(() => {
    if (client.state().connection._tag !== "Online" || document.visibilityState === "hidden") return
    Effect.runPromise(Effect.andThen(Effect.ignore(client.user), client.threads({ public: true }))).then(
      (answer) => setThreads(answer.threads),
      () => {} // The next time will do.
    )
  }, [client])
  useEffect(() => {
    if (!online) return undefined
    refresh()
    const timer = setInterval(refresh, refreshInterval)
    return () => clearInterval(timer)
  }, [online, refresh])
  return [threads, refresh]
}

const parseTopicId = (hash: string): TopicId | undefined =>
  hash.startsWith("thread:") && /^[A-Za-z0-9._~-]{1,200}$/.test(hash.slice(7)) ? TopicId.make(hash) : undefined

interface Props {
  readonly client: Client
  readonly secret: string | undefined
  readonly onKeyForgotten: () => void
}

export const Workspace = ({ client, onKeyForgotten, secret }: Props): ReactNode => {
  const state = useClient(client)
  const online = state.connection._tag === "Online"
  const [threads, refresh] = useThreads(client, online)
  const openTopic = parseTopicId(useHash())
  const [unsaved, setUnsaved] = useState(secret !== undefined)
  const markSaved = () => setUnsaved(false)
  useUnloadWarning(state.outbox.some(({ stage }) => stage !== "accepted"))
  return (
    <div className={openTopic === undefined ? "workspace" : "workspace open"}>
      <div className="banners">
        <ConnectionStatus client={client} state={state} />
        {/* Where the thread takes the whole width, the panel that says this is out of sight. */}
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
        onKeyForgotten={onKeyForgotten}
        onThreadCreated={refresh}
      />
      {openTopic === undefined
        ? (
          <main className="empty-state">
            <h1>What are you thinking about?</h1>
            <p>Open a thread, or start one. Everything in it is seen at once by everybody who is there.</p>
          </main>
        )
        : <ThreadPage key={openTopic} client={client} state={state} id={openTopic} onThreadChanged={refresh} />}
    </div>
  )
}

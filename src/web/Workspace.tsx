/** The page once a key is there: threads on one side, the open thread on the other. */
import { Effect } from "effect"
import { type ReactNode, useCallback, useEffect, useState } from "react"
import type { Client } from "../client/Client.ts"
import { TopicId } from "../domain/Ids.ts"
import type { ThreadSummary } from "../domain/Protocol.ts"
import { Connection } from "./Connection.tsx"
import { useWarning } from "./drafts.ts"
import { useClient, useHash } from "./hooks.ts"
import { Save } from "./KeyPanel.tsx"
import { Sidebar } from "./Sidebar.tsx"
import { ThreadPage } from "./ThreadPage.tsx"

const refreshEvery = 15_000

/** The threads one may see, asked for again now and then, since nobody tells when a list changes. */
const useThreads = (client: Client, online: boolean): readonly [ReadonlyArray<ThreadSummary>, () => void] => {
  const [threads, setThreads] = useState<ReadonlyArray<ThreadSummary>>([])
  const refresh = useCallback(() => {
    if (client.state().link._tag !== "Online" || document.visibilityState === "hidden") return
    Effect.runPromise(Effect.andThen(Effect.ignore(client.user), client.threads({ public: true }))).then(
      (answer) => setThreads(answer.threads),
      () => {} // The next time will do.
    )
  }, [client])
  useEffect(() => {
    if (!online) return undefined
    refresh()
    const timer = setInterval(refresh, refreshEvery)
    return () => clearInterval(timer)
  }, [online, refresh])
  return [threads, refresh]
}

const idOf = (hash: string): TopicId | undefined =>
  hash.startsWith("thread:") && /^[A-Za-z0-9._~-]{1,200}$/.test(hash.slice(7)) ? TopicId.make(hash) : undefined

interface Props {
  readonly client: Client
  readonly secret: string | undefined
  readonly leave: () => void
}

export const Workspace = ({ client, leave, secret }: Props): ReactNode => {
  const state = useClient(client)
  const online = state.link._tag === "Online"
  const [threads, refresh] = useThreads(client, online)
  const open = idOf(useHash())
  const [unsaved, setUnsaved] = useState(secret !== undefined)
  const saved = () => setUnsaved(false)
  useWarning(state.outbox.some(({ stage }) => stage !== "done"))
  return (
    <div className={open === undefined ? "workspace" : "workspace open"}>
      <div className="above">
        <Connection client={client} state={state} />
        {/* Where the thread takes the whole width, the panel that says this is out of sight. */}
        {unsaved && secret !== undefined && open !== undefined && (
          <div className="narrow">
            <Save secret={secret} done={saved} />
          </div>
        )}
      </div>
      <Sidebar
        client={client}
        state={state}
        threads={threads}
        open={open}
        secret={secret}
        unsaved={unsaved}
        saved={saved}
        leave={leave}
        created={refresh}
      />
      {open === undefined
        ? (
          <main className="empty">
            <h1>What are you thinking about?</h1>
            <p>Open a thread, or start one. Everything in it is seen at once by everybody who is there.</p>
          </main>
        )
        : <ThreadPage key={open} client={client} state={state} id={open} changed={refresh} />}
    </div>
  )
}

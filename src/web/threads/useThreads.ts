/** The threads that the user may read. */
import { Effect, Equal } from "effect"
import { useCallback, useEffect, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"

/** Milliseconds. */
const refreshInterval = 15_000

/** `next` with the objects of `previous` where they have the same content, so that their rows do not render again. */
const keepEqual = (
  previous: ReadonlyArray<ThreadSummary> | undefined,
  next: ReadonlyArray<ThreadSummary>
): ReadonlyArray<ThreadSummary> => {
  const known = new Map(previous?.map((summary) => [summary.thread_id, summary]))
  const kept = next.map((summary) => {
    const same = known.get(summary.thread_id)
    return same !== undefined && Equal.equals(same, summary) ? same : summary
  })
  return previous?.length === kept.length && kept.every((summary, index) => summary === previous[index])
    ? previous
    : kept
}

const withoutTitles = (
  threads: ReadonlyArray<ThreadSummary>,
  erasedTitles: ReadonlySet<TopicId>
): ReadonlyArray<ThreadSummary> =>
  erasedTitles.size === 0
    ? threads
    : threads.map((thread) =>
      thread.title !== null && erasedTitles.has(thread.thread_id) ? { ...thread, title: null } : thread
    )

/**
 * The threads, undefined until the server has told them, and a function that asks again. Polled, since the protocol has
 * no notification of a changed list.
 */
export const useThreads = (): readonly [threads: ReadonlyArray<ThreadSummary> | undefined, refresh: () => void] => {
  const client = useClient()
  const online = useClientState((state) => state.connection._tag === "Online")
  const erasedTitles = useClientState((state) => state.erasedTitles)
  const [threads, setThreads] = useState<ReadonlyArray<ThreadSummary>>()
  const refresh = useCallback(() => {
    if (client.state().connection._tag !== "Online") return
    Effect.runPromise(Effect.andThen(Effect.ignore(client.user), client.threads({ public: true }))).then(
      (answer) =>
        setThreads((previous) => keepEqual(previous, withoutTitles(answer.threads, client.state().erasedTitles))),
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
    setThreads((previous) =>
      previous === undefined ? undefined : keepEqual(previous, withoutTitles(previous, erasedTitles))
    )
  }, [erasedTitles])
  return [threads, refresh]
}

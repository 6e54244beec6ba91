/** The client, as React sees it. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react"
import type { Client, Topic, View } from "../client/Client.ts"
import type { State } from "../client/Model.ts"
import type { TopicId } from "../domain/Ids.ts"
import { thread } from "../domain/kinds/Thread.ts"
import type * as Thread from "../domain/kinds/ThreadModel.ts"

export type ThreadTopic = Topic<Thread.State, Thread.Command>
export type ThreadView = View<Thread.State>

/** Everything the client knows. */
export const useClient = (client: Client): State => useSyncExternalStore(client.onChange, client.state)

/** A thread, watched while it is shown. */
export const useThread = (client: Client, id: TopicId): readonly [ThreadTopic, ThreadView | undefined] => {
  const topic = useMemo(() => client.topic(thread, id), [client, id])
  const subscribe = useCallback((changed: () => void) => topic.on(changed), [topic])
  return [topic, useSyncExternalStore(subscribe, topic.view)]
}

/** The time, every `every` milliseconds. */
export const useNow = (every: number): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

/** The part of the address after `#`; empty when its escapes make no sense. */
export const useHash = (): string =>
  useSyncExternalStore(
    (changed) => {
      addEventListener("hashchange", changed)
      return () => removeEventListener("hashchange", changed)
    },
    () => {
      try {
        return decodeURIComponent(location.hash.slice(1))
      } catch {
        return ""
      }
    }
  )

/** The client, as React sees it. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react"
import type { Client, Topic, View } from "../client/Client.ts"
import type { State } from "../client/ClientModel.ts"
import type { TopicId } from "../domain/protocol/Ids.ts"
import { threadKind } from "../domain/thread/Thread.ts"
import type * as Thread from "../domain/thread/ThreadModel.ts"

export type ThreadTopic = Topic<Thread.State, Thread.Command>
export type ThreadView = View<Thread.State>

/** Everything the client knows. */
export const useClient = (client: Client): State => useSyncExternalStore(client.onChange, client.state)

/** A thread, watched while it is shown. */
export const useThread = (client: Client, id: TopicId): readonly [ThreadTopic, ThreadView | undefined] => {
  const topic = useMemo(() => client.topic(threadKind, id), [client, id])
  const subscribe = useCallback((onChange: () => void) => topic.onView(onChange), [topic])
  return [topic, useSyncExternalStore(subscribe, topic.view)]
}

/** The time, every `every` milliseconds. */
export const useNow = (intervalMillis: number): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMillis)
    return () => clearInterval(timer)
  }, [intervalMillis])
  return now
}

/** The part of the address after `#`; empty when its escapes make no sense. */
export const useHash = (): string =>
  useSyncExternalStore(
    (onChange) => {
      addEventListener("hashchange", onChange)
      return () => removeEventListener("hashchange", onChange)
    },
    () => {
      try {
        return decodeURIComponent(location.hash.slice(1))
      } catch {
        return ""
      }
    }
  )

/** React hooks over the client, the clock and the address. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react"
import { type Client, plainTopic, type Topic, type View } from "../../client/Client.ts"
import type { State } from "../../client/ClientModel.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type * as ThreadModel from "../../domain/thread/ThreadModel.ts"
import type { Erase } from "../../domain/topic/Erasure.ts"
import { formatError } from "../language/people.ts"

/** A thread, with strings in place of its texts. */
export type ThreadTopic = Topic<ThreadModel.PlainState, ThreadModel.CommandInput | typeof Erase.Encoded>
/** A view of a thread. */
export type ThreadView = View<ThreadModel.PlainState>

/** The state of the client. */
export const useClient = (client: Client): State => useSyncExternalStore(client.onChange, client.state)

/** A thread and its view, subscribed to while the component is mounted. */
export const useThread = (client: Client, id: TopicId): readonly [ThreadTopic, ThreadView | undefined] => {
  const topic = useMemo(() => plainTopic(client.topic(threadKind, id)), [client, id])
  const subscribe = useCallback((onChange: () => void) => topic.onView(onChange), [topic])
  return [topic, useSyncExternalStore(subscribe, topic.view)]
}

/** Sends commands of a thread; the message of the last one that was rejected. */
export const useCommand = (
  topic: ThreadTopic
): readonly [send: (command: ThreadModel.CommandInput) => void, errorMessage: string | undefined] => {
  const [errorMessage, setErrorMessage] = useState<string>()
  const send = (command: ThreadModel.CommandInput) =>
    void topic.sendPromise(command).then(
      () => setErrorMessage(undefined),
      (error: unknown) => setErrorMessage(formatError(error))
    )
  return [send, errorMessage]
}

/** The current time, updated at an interval. */
export const useNow = (intervalMillis: number): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMillis)
    return () => clearInterval(timer)
  }, [intervalMillis])
  return now
}

/** The decoded fragment of the address; empty if it is malformed. */
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

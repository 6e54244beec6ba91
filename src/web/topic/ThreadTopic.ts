/** The open thread, for all components of its page: its topic, its views, its commands. */
import { createContext, createElement, type ReactNode, useCallback, useContext, useState } from "react"
import type { Topic, View } from "../../client/Client.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type * as ThreadModel from "../../domain/thread/ThreadModel.ts"
import type { Erase } from "../../domain/topic/Erasure.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useTopic, useView } from "../../react/useTopic.ts"
import { formatError } from "../language/people.ts"

/** A command of a thread, as the page sends it. */
export type ThreadCommand = ThreadModel.CommandInput | typeof Erase.Encoded
/** A thread, with strings in place of its texts. */
export type ThreadTopic = Topic<ThreadModel.PlainState, ThreadCommand>
/** A view of a thread. */
export type ThreadView = View<ThreadModel.PlainState>

const ThreadTopicContext = createContext<ThreadTopic | undefined>(undefined)
const SummaryContext = createContext<ThreadSummary | undefined>(undefined)

/** Opens a thread for the components below it. `summary` is its entry in the list of threads, if it has one. */
export const ThreadTopicProvider = ({ children, id, summary }: {
  readonly id: TopicId
  readonly summary?: ThreadSummary | undefined
  readonly children: ReactNode
}): ReactNode => {
  const topic = useTopic(threadKind, id)
  return createElement(
    ThreadTopicContext,
    { value: topic },
    createElement(SummaryContext, { value: summary }, children)
  )
}

/** The open thread's topic. Throws outside of a `ThreadTopicProvider`. */
export const useThreadTopic = (): ThreadTopic => {
  const topic = useContext(ThreadTopicContext)
  if (topic === undefined) throw new Error("This component is outside of a ThreadTopicProvider.")
  return topic
}

/** What `select` makes of the open thread's view; undefined before there is one. */
export const useThreadView = <A>(select: (view: ThreadView) => A): A | undefined =>
  useView(useThreadTopic(), (view) => view === undefined ? undefined : select(view))

/** What the list of threads tells of a thread as well. */
export interface ThreadFacts extends Pick<ThreadSummary, "visibility" | "co_authors"> {
  readonly title: string
  readonly isClosed: boolean
}

/** The facts of the open thread: from the list until its state is there; undefined if it is in neither. */
export const useThreadFacts = (): ThreadFacts | undefined => {
  const summary = useContext(SummaryContext)
  const facts = useThreadView(({ position, state: { co_authors, status, title, visibility } }) =>
    position && { title, visibility, co_authors, isClosed: status === "closed" }
  )
  return facts ?? (summary && {
    ...summary,
    title: summary.title ?? erasedMark,
    isClosed: summary.status === "closed"
  })
}

/** Sends commands of the open thread; and the message of the last one that was rejected. */
export const useThreadCommand = (): readonly [
  send: (command: ThreadCommand) => Promise<boolean>,
  errorMessage: string | undefined
] => {
  const topic = useThreadTopic()
  const [errorMessage, setErrorMessage] = useState<string>()
  const send = useCallback((command: ThreadCommand) => {
    setErrorMessage(undefined)
    return topic.sendPromise(command).then(
      () => true,
      (error: unknown) => {
        setErrorMessage(formatError(error))
        return false
      }
    )
  }, [topic])
  return [send, errorMessage]
}

const ShowMessageContext = createContext<(id: string) => boolean>(() => false)

/** Provided by the timeline, which scrolls. */
export const ShowMessageProvider = ShowMessageContext.Provider

/** Scrolls the timeline to a message and focuses it; false if the thread does not show it. */
export const useShowMessage = (): (id: string) => boolean => useContext(ShowMessageContext)

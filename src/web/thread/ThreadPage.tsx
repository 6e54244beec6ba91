/** One thread: its head, its timeline and the composer. */
import { type ReactNode, useCallback, useEffect, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { Composer } from "../composer/Composer.tsx"
import { useToast } from "../design/Toast.tsx"
import { EraseDialogProvider } from "../erasing/EraseDialog.tsx"
import { useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { ThreadTopicProvider, useThreadFacts, useThreadView } from "../topic/ThreadTopic.ts"
import { LoadingTimeline } from "./LoadingTimeline.tsx"
import { ThreadHeader } from "./ThreadHeader.tsx"
import style from "./ThreadPage.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import { Timeline } from "./Timeline.tsx"
import { useKeptFocus } from "./useKeptFocus.ts"

interface Props {
  readonly id: TopicId
  /** The thread's entry in the list, if it has one. */
  readonly summary: ThreadSummary | undefined
  /** The message that the address names. */
  readonly message: string | undefined
  /** Called after an event that may change lists and balances. */
  readonly onThreadChanged: () => void
  /** Whether to focus the composer when it appears, and what to call then. */
  readonly focusComposer: boolean
  readonly onComposerFocused: () => void
}

/** The page of a thread; it is mounted anew for another one. */
export const ThreadPage = ({ id, summary, ...props }: Props): ReactNode => (
  <ThreadTopicProvider id={id} summary={summary}>
    <OpenThread {...props} />
  </ThreadTopicProvider>
)

const OpenThread = (props: Omit<Props, "id" | "summary">): ReactNode => {
  const refusal = useThreadView(({ sync }) => sync._tag === "Refused" ? sync.reason.message : undefined)
  return refusal === undefined ? <ReadableThread {...props} /> : <RefusedThread reason={refusal} />
}

const RefusedThread = ({ reason }: { readonly reason: string }): ReactNode => {
  const messages = useMessages(threadPageMessages)
  return (
    <main className={style.refused}>
      <h1>{messages.cannotRead}</h1>
      <p>{formatError(reason)}</p>
      <p>
        <a href="#">{messages.backToAll}</a>
      </p>
    </main>
  )
}

/** Milliseconds from an event to the call, so that a burst of events makes one. */
const changeDelay = 500

/** Calls back some time after the last event. */
const useChangeCallback = (onChange: () => void): void => {
  const seq = useThreadView(({ position }) => position?.seq)
  useEffect(() => {
    if (seq === undefined) return undefined
    const timer = setTimeout(onChange, changeDelay)
    return () => clearTimeout(timer)
  }, [seq, onChange])
}

/** The thread's title as the title of the document. */
const useDocumentTitle = (): void => {
  const title = useThreadFacts()?.title
  useEffect(() => {
    if (title === undefined || title === "" || title === erasedMark) return undefined
    document.title = `${title} · Choir`
    return () => {
      document.title = "Choir"
    }
  }, [title])
}

/** What is known from the list stands at once, and one can write: the messages follow. */
const ReadableThread = (
  { focusComposer, message, onComposerFocused, onThreadChanged }: Omit<Props, "id" | "summary">
): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const toast = useToast()
  const [sentCount, setSentCount] = useState(0)
  const isLoaded = useThreadView(({ position }) => position !== undefined) ?? false
  const isKnown = useThreadFacts() !== undefined
  useChangeCallback(onThreadChanged)
  useDocumentTitle()
  useKeptFocus()
  const reportMissing = useCallback(() => toast(messages.notShown), [toast, messages])
  const countSent = useCallback(() => setSentCount((count) => count + 1), [])
  return (
    <EraseDialogProvider>
      <main className={style.thread} aria-busy={!isLoaded}>
        {isKnown && <ThreadHeader />}
        {isLoaded
          ? <Timeline sentCount={sentCount} target={message} onTargetMissing={reportMissing} />
          : <LoadingTimeline />}
        <Composer onSent={countSent} focusOnMount={focusComposer} onFocused={onComposerFocused} />
      </main>
    </EraseDialogProvider>
  )
}

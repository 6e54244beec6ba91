/** One thread: its head, its timeline and the composer. */
import { type ReactNode, useCallback, useEffect, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { Composer } from "../composer/Composer.tsx"
import { useToast } from "../design/Toast.tsx"
import { EraseDialogProvider } from "../erasing/EraseDialog.tsx"
import { useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { ThreadTopicProvider, useThreadView } from "../topic/ThreadTopic.ts"
import { LoadingThread } from "./LoadingThread.tsx"
import { ThreadHeader } from "./ThreadHeader.tsx"
import style from "./ThreadPage.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import { Timeline } from "./Timeline.tsx"
import { useKeptFocus } from "./useKeptFocus.ts"

interface Props {
  readonly id: TopicId
  /** The message that the address names. */
  readonly message: string | undefined
  /** Called after an event that may change lists and balances. */
  readonly onThreadChanged: () => void
  /** Whether to focus the composer when it appears, and what to call then. */
  readonly focusComposer: boolean
  readonly onComposerFocused: () => void
}

/** The page of a thread; it is mounted anew for another one. */
export const ThreadPage = ({ id, ...props }: Props): ReactNode => (
  <ThreadTopicProvider id={id}>
    <OpenThread {...props} />
  </ThreadTopicProvider>
)

const OpenThread = (props: Omit<Props, "id">): ReactNode => {
  const refusal = useThreadView(({ sync }) => sync._tag === "Refused" ? sync.reason.message : undefined)
  const isLoaded = useThreadView(({ position }) => position !== undefined) ?? false
  if (refusal !== undefined) return <RefusedThread reason={refusal} />
  return isLoaded ? <LoadedThread {...props} /> : <LoadingThread />
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
    const timer = setTimeout(onChange, changeDelay)
    return () => clearTimeout(timer)
  }, [seq, onChange])
}

/** The thread's title as the title of the document. */
const useDocumentTitle = (): void => {
  const title = useThreadView(({ state }) => state.title)
  useEffect(() => {
    if (title === undefined || title === "" || title === erasedMark) return undefined
    document.title = `${title} · Choir`
    return () => {
      document.title = "Choir"
    }
  }, [title])
}

const LoadedThread = ({ focusComposer, message, onComposerFocused, onThreadChanged }: Omit<Props, "id">): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const toast = useToast()
  const [sentCount, setSentCount] = useState(0)
  useChangeCallback(onThreadChanged)
  useDocumentTitle()
  useKeptFocus()
  const reportMissing = useCallback(() => toast(messages.notShown), [toast, messages])
  const countSent = useCallback(() => setSentCount((count) => count + 1), [])
  return (
    <EraseDialogProvider>
      <main className={style.thread}>
        <ThreadHeader />
        <Timeline sentCount={sentCount} target={message} onTargetMissing={reportMissing} />
        <Composer onSent={countSent} focusOnMount={focusComposer} onFocused={onComposerFocused} />
      </main>
    </EraseDialogProvider>
  )
}

/** The page of a user: the list of threads, the open one, and what stands above both. */
import { type ReactNode, useEffect, useRef, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { preloadWhenIdle } from "../design/lazyPart.ts"
import { useMessages } from "../language/Language.ts"
import { isSaved } from "../storage/textStorage.ts"
import { useThreads } from "../threads/useThreads.ts"
import { formatRoute } from "../topic/Route.ts"
import { useUnloadWarning } from "../topic/useUnloadWarning.ts"
import { appMessages } from "./AppMessages.ts"
import { ConnectionStatus } from "./ConnectionStatus.tsx"
import { Dialogs } from "./Dialogs.tsx"
import { BrokenPage, LoadingPage, NoThread } from "./EmptyPage.tsx"
import { FaultBoundary } from "./FaultBoundary.tsx"
import { focusField, focusMain } from "./focus.ts"
import { NewKeyNotice } from "./NewKeyNotice.tsx"
import type { DialogName } from "./PaletteItems.ts"
import { lazyParts, listenerPart, threadPart } from "./parts.ts"
import { Rail } from "./Rail.tsx"
import { retrySaved } from "./retrySaved.ts"
import { useNarrow } from "./useNarrow.ts"
import { useRoute } from "./useRoute.ts"
import style from "./Workspace.module.css"

interface Props {
  /** The secret of a key that was made on this page. */
  readonly secret: string | undefined
  readonly onKeyRemoved: () => void
}

/** The page of a user. */
export const Workspace = ({ onKeyRemoved, secret }: Props): ReactNode => {
  const client = useClient()
  const [threads, refresh] = useThreads()
  const { message, topic } = useRoute()
  const isNarrow = useNarrow()
  const [dialog, setDialog] = useState<DialogName>()
  const [unsavedSecret, setUnsavedSecret] = useState(secret)
  // A thread that was just made, or opened with a key that was: its field takes the focus once.
  const [newTopic, setNewTopic] = useState(secret === undefined ? undefined : topic)
  const searchField = useRef<HTMLInputElement>(null)
  const markSaved = () => setUnsavedSecret(undefined)
  useEffect(() => retrySaved(client), [client])
  useEffect(() => preloadWhenIdle(lazyParts), [])
  useEffect(() => secret === undefined ? undefined : focusMain(), [secret])
  useUnloadWarning(
    useClientState(({ outbox }) => outbox.some(({ id, stage }) => stage !== "accepted" && !isSaved(client.me, id)))
  )
  return (
    <div className={style.workspace}>
      {topic !== undefined && <SkipLink />}
      <div className={style.banners}>
        <ConnectionStatus />
        {isNarrow && topic !== undefined && unsavedSecret !== undefined && (
          <div className={style.notice}>
            <NewKeyNotice secret={unsavedSecret} onDone={markSaved} />
          </div>
        )}
      </div>
      <Rail
        threads={threads}
        open={topic}
        isPage={isNarrow && topic === undefined}
        unsavedSecret={unsavedSecret}
        onKeySaved={markSaved}
        onDialog={setDialog}
        searchField={searchField}
      />
      {topic !== undefined
        ? (
          <OpenThread
            key={topic}
            id={topic}
            summary={threads?.find(({ thread_id }) => thread_id === topic)}
            message={message}
            onThreadChanged={refresh}
            focusComposer={newTopic === topic}
            onComposerFocused={() => setNewTopic(undefined)}
          />
        )
        : !isNarrow && <NoThread onNewThread={() => setDialog("newThread")} />}
      <FaultBoundary fallback={null}>
        <listenerPart.Part
          searchField={searchField}
          onDialog={setDialog}
          canGoBack={isNarrow && topic !== undefined}
        />
      </FaultBoundary>
      <Dialogs
        dialog={dialog}
        onDialogChange={setDialog}
        threads={threads ?? []}
        hasThread={topic !== undefined}
        secret={secret}
        onKeyRemoved={onKeyRemoved}
        onThreadCreated={(topic) => {
          setNewTopic(topic)
          location.hash = formatRoute(topic)
          refresh()
        }}
      />
    </div>
  )
}

/** The first stop of the Tab key. It has no address, since the address says which thread is open. */
const SkipLink = (): ReactNode => {
  const messages = useMessages(appMessages)
  return <button type="button" className={style.skip} onClick={focusField}>{messages.skipToField}</button>
}

const OpenThread = (props: {
  readonly id: TopicId
  readonly summary: ThreadSummary | undefined
  readonly message: string | undefined
  readonly onThreadChanged: () => void
  readonly focusComposer: boolean
  readonly onComposerFocused: () => void
}): ReactNode => (
  <FaultBoundary fallback={<BrokenPage />}>
    <threadPart.Part {...props} placeholder={<LoadingPage />} />
  </FaultBoundary>
)

/** The bar below the text field: Ask, what will happen, Stop, and the button that sends. */
import { type ReactNode, useState } from "react"
import { isFinished } from "../../domain/chorus/ChorusRun.ts"
import type { CommandId, UserId } from "../../domain/protocol/Ids.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Button } from "../design/Button.tsx"
import { Chip } from "../design/Chip.tsx"
import { IconButton } from "../design/IconButton.tsx"
import { useMessages } from "../language/Language.ts"
import { usePreferences } from "../storage/preferences.ts"
import { type ThreadView, useThreadCommand, useThreadFacts, useThreadView } from "../topic/ThreadTopic.ts"
import style from "./ComposerBar.module.css"
import { composerMessages } from "./ComposerMessages.ts"
import { isMac, useIsTouch } from "./sendKey.ts"

/** The bar, with `children` at its beginning. */
export const ComposerBar = ({ canSend, children, isQuestion, onStop, sendLabel }: {
  readonly sendLabel: string
  readonly isQuestion: boolean
  readonly canSend: boolean
  /** Called when Stop is pressed, which goes away then. */
  readonly onStop: () => void
  readonly children: ReactNode
}): ReactNode => (
  <div className={`${style.bar} ${isQuestion ? style.question : ""}`}>
    <div className={style.start}>{children}</div>
    <StopButton onStop={onStop} />
    <IconButton type="submit" className={style.send} icon="send" label={sendLabel} disabled={!canSend} />
  </div>
)

/** The choice between a message and a question, and what that means. */
export const AskChip = ({ id, isQuestion, onChange }: {
  /** Of the hint's element. */
  readonly id: string
  readonly isQuestion: boolean
  readonly onChange: (isQuestion: boolean) => void
}): ReactNode => {
  const messages = useMessages(composerMessages)
  return (
    <>
      <Chip icon="voice" pressed={isQuestion} onPressedChange={onChange}>{messages.ask}</Chip>
      <p id={id} className={style.hint}>{isQuestion ? <QuestionHint /> : <KeyHint />}</p>
    </>
  )
}

/** Which key sends; nothing where the keyboard is on the screen. */
const KeyHint = (): ReactNode => {
  const messages = useMessages(composerMessages)
  const { sendKey } = usePreferences()
  if (useIsTouch()) return null
  return (
    <span className={style.wideOnly}>
      {sendKey === "enter" ? messages.enterSends : messages.ctrlEnterSends(isMac())}
    </span>
  )
}

/** Who sees the answer; and, wherever it is asked, that no model is connected (CHO12). */
const QuestionHint = (): ReactNode => {
  const messages = useMessages(composerMessages)
  const isOffline = useClientState((state) => state.init?.chorus.offline === true)
  const isPublic = useThreadFacts()?.visibility === "public"
  return isOffline
    ? messages.offlineModel
    : <span className={style.wideOnly}>{isPublic ? messages.answerForAll : messages.answerForCoAuthors}</span>
}

/** The run that Stop ends: the one of the user's that is running, or else their newest in the queue. */
const runToStop = ({ state: { runs } }: ThreadView, me: UserId): CommandId | undefined => {
  const mine = runs.filter((run) => !isFinished(run) && (run.asker === me || run.owner === me))
  return (mine.find((run) => run.status === "running") ?? mine.at(-1))?.prompt_id
}

/** Whether a question of the user is being answered or waits for it. */
export const useIsAnswering = (): boolean => {
  const { me } = useClient()
  return useThreadView((view) => runToStop(view, me) !== undefined) === true
}

const StopButton = ({ onStop }: { readonly onStop: () => void }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(composerMessages)
  const promptId = useThreadView((view) => runToStop(view, me))
  const [send, errorMessage] = useThreadCommand()
  const [stopped, setStopped] = useState<CommandId>()
  if (promptId === undefined) return null
  const stop = () => {
    setStopped(promptId)
    onStop()
    void send({ _tag: "cancel_run", prompt_id: promptId }).then((isAccepted) =>
      isAccepted ? undefined : setStopped(undefined)
    )
  }
  return (
    <>
      {errorMessage !== undefined && <span role="alert" className={style.error}>{errorMessage}</span>}
      <Button icon="stop" disabled={stopped === promptId} onClick={stop}>{messages.stop}</Button>
    </>
  )
}

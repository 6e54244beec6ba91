/** The form at the end of a thread: messages, submissions with a stake, and prompts to the Chorus. */
import { type KeyboardEvent, type ReactNode, type SubmitEvent, useId, useState } from "react"
import type { Client } from "../../client/Client.ts"
import { isCoAuthor, threadLimits } from "../../domain/thread/ThreadGuards.ts"
import type { PlainState } from "../../domain/thread/ThreadModel.ts"
import { formatError } from "../language/people.ts"
import type { ThreadTopic } from "../topic/hooks.ts"
import { type Composition, compositionCommand, compositionProblem } from "./composition.ts"
import { send as sendCommand, useDraft } from "./sending.ts"
import { useTyping } from "./typing.ts"

interface Props {
  readonly client: Client
  readonly topic: ThreadTopic
  readonly thread: PlainState
  /** The user's tokens; undefined until the server has told them. */
  readonly balance: number | undefined
  readonly chorus: ChorusModel | undefined
  /** Called when a command was submitted, before it is answered. */
  readonly onSent: () => void
  /** Whether to focus the text field when it appears, and what to call then. */
  readonly focusOnMount: boolean
  readonly onFocused: () => void
}

interface ChorusModel {
  readonly model: string
  readonly offline: boolean
}

/** The form, or a note that the thread is closed. */
export const Composer = (props: Props): ReactNode =>
  props.thread.status === "closed"
    ? <p className="closed">This thread is closed: it is read-only.</p>
    : <ComposerForm {...props} />

const ComposerForm = (
  { balance, chorus, client, focusOnMount, onFocused, onSent, thread, topic }: Props
): ReactNode => {
  const draft = useDraft(client.me, topic.id)
  const { text } = draft
  const [stake, setStake] = useState(String(threadLimits.minimumStake))
  const [errorMessage, setErrorMessage] = useState<string>()
  const [keepTyping, stopTyping] = useTyping(topic)
  const isMember = isCoAuthor(thread, client.me)
  const isAsking = draft.isAsking && isMember
  const composition: Composition = { text, isAsking, stake: isMember ? undefined : stake, balance }

  const send = (event?: SubmitEvent) => {
    event?.preventDefault()
    if (text.trim() === "") return
    const problem = compositionProblem(composition)
    if (problem !== undefined) return setErrorMessage(formatError(problem))
    draft.change({ text: "" })
    setErrorMessage(undefined)
    stopTyping()
    onSent()
    sendCommand(client, topic.id, compositionCommand(composition)).catch((error: unknown) => {
      draft.reload()
      setErrorMessage(formatError(error))
    })
  }

  return (
    <form className="composer" onSubmit={send}>
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
      {isMember
        ? <ModePicker isAsking={isAsking} onSelect={(isAsking) => draft.change({ isAsking })} />
        : <SubmissionNotice />}
      <TextField
        composition={composition}
        onChange={(text) => {
          draft.change({ text })
          setErrorMessage(undefined)
          keepTyping()
        }}
        onSend={send}
        focusOnMount={focusOnMount}
        onFocused={onFocused}
      />
      <div className="row">
        {!isMember && <StakeField stake={stake} balance={balance} onChange={setStake} />}
        <span className="muted hint">{isAsking ? chorusHint(chorus) : <ShortcutHint />}</span>
        <button className="primary" type="submit" disabled={text.trim() === ""}>
          {isAsking ? "Ask" : isMember ? "Send" : "Submit"}
        </button>
      </div>
    </form>
  )
}

const TextField = ({ composition: { isAsking, stake, text }, focusOnMount, onChange, onFocused, onSend }: {
  readonly composition: Composition
  readonly onChange: (text: string) => void
  readonly onSend: () => void
  readonly focusOnMount: boolean
  readonly onFocused: () => void
}): ReactNode => {
  const inputId = useId()
  const sendOnShortcut = (event: KeyboardEvent) => {
    // Within an input method, Enter chooses a word.
    if (event.key !== "Enter" || event.nativeEvent.isComposing || !event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    onSend()
  }
  return (
    <>
      <label className="visually-hidden" htmlFor={inputId}>{isAsking ? "Your question" : "Your message"}</label>
      <textarea
        id={inputId}
        rows={2}
        ref={(area) => {
          if (area === null || !focusOnMount) return
          area.focus()
          onFocused()
        }}
        value={text}
        placeholder={isAsking ? "Ask a question…" : stake === undefined ? "Write a message…" : "Write a submission…"}
        onKeyDown={sendOnShortcut}
        onChange={(event) => onChange(event.target.value)}
      />
    </>
  )
}

const StakeField = ({ balance, onChange, stake }: {
  readonly stake: string
  readonly balance: number | undefined
  readonly onChange: (stake: string) => void
}): ReactNode => (
  <label className="stake">
    Stake{" "}
    <input
      type="number"
      min={threadLimits.minimumStake}
      max={balance}
      step={1}
      value={stake}
      onChange={(event) => onChange(event.target.value)}
    />
  </label>
)

const SubmissionNotice = (): ReactNode => (
  <p className="muted">
    You are not a co-author of this thread. Your message will be a submission: it stakes tokens, and the co-authors vote
    on it. If they approve it, you become a co-author.
  </p>
)

const ShortcutHint = (): ReactNode => <span className="shortcut-hint">Send with Ctrl + Enter</span>

const chorusHint = (chorus: ChorusModel | undefined): string =>
  chorus?.offline === true
    ? "No model is connected: the built-in one answers with quotations of the group's messages."
    : `${chorus?.model ?? "The Chorus"} answers from the group's messages.`

const ModePicker = (
  { isAsking, onSelect }: { readonly isAsking: boolean; readonly onSelect: (isAsking: boolean) => void }
): ReactNode => (
  <fieldset className="modes">
    <legend className="visually-hidden">Mode</legend>
    <ModeOption selected={!isAsking} onSelect={() => onSelect(false)}>Write</ModeOption>
    <ModeOption selected={isAsking} onSelect={() => onSelect(true)}>Ask the Chorus</ModeOption>
  </fieldset>
)

const ModeOption = ({ children, onSelect, selected }: {
  readonly selected: boolean
  readonly onSelect: () => void
  readonly children: string
}): ReactNode => (
  <label className={selected ? "selected" : ""}>
    <input type="radio" name="mode" className="visually-hidden" checked={selected} onChange={onSelect} />
    {children}
  </label>
)

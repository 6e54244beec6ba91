/** The form at the end of a thread: messages, submissions with a stake, and prompts to the Chorus. */
import { type KeyboardEvent, type ReactNode, type SubmitEvent, useId, useState } from "react"
import type { UserId } from "../domain/protocol/Ids.ts"
import { isCoAuthor, threadLimits } from "../domain/thread/ThreadGuards.ts"
import type { State } from "../domain/thread/ThreadModel.ts"
import { type Composition, compositionCommand, compositionProblem } from "./composition.ts"
import { useDraft } from "./drafts.ts"
import { formatError } from "./format.ts"
import type { ThreadTopic } from "./hooks.ts"
import { useTyping } from "./typing.ts"

interface Props {
  readonly topic: ThreadTopic
  readonly thread: State
  readonly me: UserId
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

type Mode = "write" | "ask"

/** The form, or a note that the thread is closed. */
export const Composer = (props: Props): ReactNode =>
  props.thread.status === "closed"
    ? <p className="closed">This thread is closed: it is read-only.</p>
    : <ComposerForm {...props} />

const ComposerForm = ({ chorus, focusOnMount, me, onFocused, onSent, thread, topic }: Props): ReactNode => {
  const [mode, setMode] = useState<Mode>("write")
  const { restoreText, setText, text } = useDraft(me, topic.id)
  const [stake, setStake] = useState(String(threadLimits.minimumStake))
  const [errorMessage, setErrorMessage] = useState<string>()
  const [keepTyping, stopTyping] = useTyping(topic)
  const isMember = isCoAuthor(thread, me)
  const isAsking = mode === "ask" && isMember
  const composition: Composition = { text, isAsking, stake: isMember ? undefined : stake }

  const send = (event?: SubmitEvent) => {
    event?.preventDefault()
    if (text.trim() === "") return
    const problem = compositionProblem(composition)
    if (problem !== undefined) return setErrorMessage(formatError(problem))
    setText("")
    setErrorMessage(undefined)
    stopTyping()
    onSent()
    topic.sendPromise(compositionCommand(composition)).catch((error: unknown) => {
      restoreText(text)
      setErrorMessage(formatError(error))
    })
  }

  return (
    <form className="composer" onSubmit={send}>
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
      {isMember ? <ModePicker mode={mode} onSelect={setMode} /> : <SubmissionNotice />}
      <TextField
        composition={composition}
        onChange={(text) => {
          setText(text)
          keepTyping()
        }}
        onSend={send}
        focusOnMount={focusOnMount}
        onFocused={onFocused}
      />
      <div className="row">
        {!isMember && <StakeField stake={stake} onChange={setStake} />}
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
    if (event.key !== "Enter" || !event.ctrlKey && !event.metaKey) return
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

const StakeField = (
  { onChange, stake }: { readonly stake: string; readonly onChange: (stake: string) => void }
): ReactNode => (
  <label className="stake">
    Stake{" "}
    <input
      type="number"
      min={threadLimits.minimumStake}
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
  { mode, onSelect }: { readonly mode: Mode; readonly onSelect: (mode: Mode) => void }
): ReactNode => (
  <fieldset className="modes">
    <legend className="visually-hidden">Mode</legend>
    <ModeOption mode="write" current={mode} onSelect={onSelect}>Write</ModeOption>
    <ModeOption mode="ask" current={mode} onSelect={onSelect}>Ask the Chorus</ModeOption>
  </fieldset>
)

const ModeOption = ({ children, mode, current, onSelect }: {
  readonly mode: Mode
  readonly current: Mode
  readonly onSelect: (mode: Mode) => void
  readonly children: string
}): ReactNode => (
  <label className={mode === current ? "selected" : ""}>
    <input
      type="radio"
      name="mode"
      className="visually-hidden"
      checked={mode === current}
      onChange={() => onSelect(mode)}
    />
    {children}
  </label>
)

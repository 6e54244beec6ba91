/** Where one writes: to the thread, or to the Chorus. */
import {
  type KeyboardEvent,
  type ReactNode,
  type SubmitEvent,
  useCallback,
  useEffect,
  useId,
  useRef,
  useState
} from "react"
import type { UserId } from "../domain/protocol/Ids.ts"
import { defaults } from "../domain/protocol/Limits.ts"
import { isCoAuthor, threadLimits } from "../domain/thread/ThreadGuards.ts"
import type { Command, State } from "../domain/thread/ThreadModel.ts"
import { maxContentBytes, utf8ByteLength, validateContent } from "../domain/topic/MessageContent.ts"
import { useDraft } from "./drafts.ts"
import { formatError, formatNumber } from "./format.ts"
import type { ThreadTopic } from "./hooks.ts"
import { newThreadIds } from "./Sidebar.tsx"

interface Props {
  readonly topic: ThreadTopic
  readonly thread: State
  readonly me: UserId
  readonly chorus: { readonly model: string; readonly offline: boolean } | undefined
  /** Something is on its way. */
  readonly onSent: () => void
}

type Mode = "write" | "ask"

/** Typing is told again after this time, and over after as much without a key. */
const typingInterval = 3_000

/** Tells the others that one is writing, and when one no longer is. */
const useTyping = (topic: ThreadTopic): readonly [keepTyping: () => void, stopTyping: () => void] => {
  const lastSignalledAt = useRef(0)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const stopTyping = () => {
    clearTimeout(timer.current)
    if (lastSignalledAt.current !== 0) topic.signal("typing", null)
    lastSignalledAt.current = 0
  }
  const keepTyping = () => {
    const now = Date.now()
    if (now - lastSignalledAt.current >= typingInterval) {
      topic.signal("typing", true)
      lastSignalledAt.current = now
    }
    clearTimeout(timer.current)
    timer.current = setTimeout(stopTyping, typingInterval)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return [keepTyping, stopTyping]
}

/** What one frame holds besides the text. */
const envelopeBytes = 1_024

/** Why a text cannot be sent, before it is: a frame too large would end the connection, and again after every return. */
const textProblem = (text: string): string | undefined => {
  const bytes = utf8ByteLength(text)
  if (bytes > maxContentBytes) {
    return `This takes ${formatNumber(bytes)} bytes, and at most ${formatNumber(maxContentBytes)} can be sent at once.`
  }
  return utf8ByteLength(JSON.stringify(text)) > defaults.frameBytes - envelopeBytes
    ? "This holds too many special characters to be sent at once. Send it in parts."
    : validateContent(text)
}

/** Why tokens cannot be staked. */
const stakeProblem = (stake: number): string | undefined =>
  Number.isSafeInteger(stake) && stake >= threadLimits.minimumStake
    ? undefined
    : `The stake is a whole number of tokens, at least ${formatNumber(threadLimits.minimumStake)}.`

export const Composer = ({ chorus, me, onSent, thread, topic }: Props): ReactNode => {
  const [mode, setMode] = useState<Mode>("write")
  const { restoreText, setText, text } = useDraft(me, topic.id)
  const [stake, setStake] = useState(String(threadLimits.minimumStake))
  const [errorMessage, setErrorMessage] = useState<string>()
  const [keepTyping, stopTyping] = useTyping(topic)
  const inputId = useId()
  const focusIfNew = useCallback((area: HTMLTextAreaElement | null) => {
    if (area !== null && newThreadIds.delete(topic.id)) area.focus()
  }, [topic.id])
  const isMember = isCoAuthor(thread, me)
  const isAsking = mode === "ask" && isMember

  if (thread.status === "closed") {
    return <p className="closed">This thread is closed. It can be read, but nothing can be added.</p>
  }

  const send = (event?: SubmitEvent) => {
    event?.preventDefault()
    if (text.trim() === "") return
    const problem = textProblem(text) ?? (isMember ? undefined : stakeProblem(Number(stake)))
    if (problem !== undefined) return setErrorMessage(formatError(new Error(problem)))
    const command: Command = isAsking
      ? { _tag: "submit_prompt", prompt: text }
      : isMember
      ? { _tag: "submit_message", content: text }
      : { _tag: "submit_message", content: text, stake: Number(stake) }
    setText("")
    setErrorMessage(undefined)
    stopTyping()
    onSent()
    topic.sendPromise(command).catch((error: unknown) => {
      restoreText(text)
      setErrorMessage(formatError(error))
    })
  }
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      send()
    }
  }

  return (
    <form className="composer" onSubmit={send}>
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
      {isMember
        ? (
          <fieldset className="modes">
            <legend className="visually-hidden">What to do with the text</legend>
            <ModeOption mode="write" current={mode} onSelect={setMode}>Write</ModeOption>
            <ModeOption mode="ask" current={mode} onSelect={setMode}>Ask the Chorus</ModeOption>
          </fieldset>
        )
        : (
          <p className="muted">
            You are not a co-author here. What you send is a submission: it stakes tokens, the co-authors vote on it,
            and when all approve you become one of them.
          </p>
        )}
      <label className="visually-hidden" htmlFor={inputId}>{isAsking ? "Your question" : "Your message"}</label>
      <textarea
        id={inputId}
        rows={2}
        ref={focusIfNew}
        value={text}
        placeholder={isAsking ? "What do you want to know?" : isMember ? "Write…" : "Write a submission…"}
        onKeyDown={onKey}
        onChange={(event) => {
          setText(event.target.value)
          keepTyping()
        }}
      />
      <div className="row">
        {!isMember && (
          <label className="stake">
            Stake{" "}
            <input
              type="number"
              min={threadLimits.minimumStake}
              step={1}
              value={stake}
              onChange={(event) => setStake(event.target.value)}
            />
          </label>
        )}
        <span className="muted hint">
          {isAsking && chorus?.offline === true
            ? "No model is connected: the built-in one quotes what the group wrote and adds nothing."
            : isAsking
            ? `${chorus?.model ?? "The Chorus"} answers, over what the group wrote before.`
            : <span className="shortcut-hint">Ctrl + Enter sends</span>}
        </span>
        <button className="primary" type="submit" disabled={text.trim() === ""}>
          {isAsking ? "Ask" : isMember ? "Send" : "Submit"}
        </button>
      </div>
    </form>
  )
}

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

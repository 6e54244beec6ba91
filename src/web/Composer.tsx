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
import type { UserId } from "../domain/Ids.ts"
import { contentFault, maxContentBytes, utf8Length } from "../domain/kinds/Text.ts"
import type { Command, State } from "../domain/kinds/ThreadModel.ts"
import { isCoAuthor, policy } from "../domain/kinds/ThreadRules.ts"
import { defaults } from "../domain/Limits.ts"
import { useDraft } from "./drafts.ts"
import type { ThreadTopic } from "./hooks.ts"
import { fresh } from "./Sidebar.tsx"
import { amount, sentence } from "./words.ts"

interface Props {
  readonly topic: ThreadTopic
  readonly thread: State
  readonly me: UserId
  readonly chorus: { readonly model: string; readonly offline: boolean } | undefined
  /** Something is on its way. */
  readonly sent: () => void
}

type Mode = "write" | "ask"

/** Typing is told again after this time, and over after as much without a key. */
const typingEvery = 3_000

/** Tells the others that one is writing, and when one no longer is. */
const useTyping = (topic: ThreadTopic): readonly [typed: () => void, over: () => void] => {
  const told = useRef(0)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const over = () => {
    clearTimeout(timer.current)
    if (told.current !== 0) topic.signal("typing", null)
    told.current = 0
  }
  const typed = () => {
    const now = Date.now()
    if (now - told.current >= typingEvery) {
      topic.signal("typing", true)
      told.current = now
    }
    clearTimeout(timer.current)
    timer.current = setTimeout(over, typingEvery)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return [typed, over]
}

/** What one frame holds besides the text. */
const envelope = 1_024

/** Why a text cannot be sent, before it is: a frame too large would end the connection, and again after every return. */
const textFault = (text: string): string | undefined => {
  const bytes = utf8Length(text)
  if (bytes > maxContentBytes) {
    return `This takes ${amount(bytes)} bytes, and at most ${amount(maxContentBytes)} can be sent at once.`
  }
  return utf8Length(JSON.stringify(text)) > defaults.frameBytes - envelope
    ? "This holds too many special characters to be sent at once. Send it in parts."
    : contentFault(text)
}

/** Why tokens cannot be staked. */
const stakeFault = (stake: number): string | undefined =>
  Number.isSafeInteger(stake) && stake >= policy.minimumStake
    ? undefined
    : `The stake is a whole number of tokens, at least ${amount(policy.minimumStake)}.`

export const Composer = ({ chorus, me, sent, thread, topic }: Props): ReactNode => {
  const [mode, setMode] = useState<Mode>("write")
  const { giveBack, setText, text } = useDraft(me, topic.id)
  const [stake, setStake] = useState(String(policy.minimumStake))
  const [fault, setFault] = useState<string>()
  const [typed, typingOver] = useTyping(topic)
  const field = useId()
  const begin = useCallback((area: HTMLTextAreaElement | null) => {
    if (area !== null && fresh.delete(topic.id)) area.focus()
  }, [topic.id])
  const member = isCoAuthor(thread, me)
  const asking = mode === "ask" && member

  if (thread.status === "closed") {
    return <p className="closed">This thread is closed. It can be read, but nothing can be added.</p>
  }

  const send = (event?: SubmitEvent) => {
    event?.preventDefault()
    if (text.trim() === "") return
    const wrong = textFault(text) ?? (member ? undefined : stakeFault(Number(stake)))
    if (wrong !== undefined) return setFault(sentence(new Error(wrong)))
    const command: Command = asking
      ? { _tag: "submit_prompt", prompt: text }
      : member
      ? { _tag: "submit_message", content: text }
      : { _tag: "submit_message", content: text, stake: Number(stake) }
    setText("")
    setFault(undefined)
    typingOver()
    sent()
    topic.post(command).catch((error: unknown) => {
      giveBack(text)
      setFault(sentence(error))
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
      {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
      {member
        ? (
          <fieldset className="modes">
            <legend className="away">What to do with the text</legend>
            <Choice mode="write" now={mode} set={setMode}>Write</Choice>
            <Choice mode="ask" now={mode} set={setMode}>Ask the Chorus</Choice>
          </fieldset>
        )
        : (
          <p className="quiet">
            You are not a co-author here. What you send is a submission: it stakes tokens, the co-authors vote on it,
            and when all approve you become one of them.
          </p>
        )}
      <label className="away" htmlFor={field}>{asking ? "Your question" : "Your message"}</label>
      <textarea
        id={field}
        rows={2}
        ref={begin}
        value={text}
        placeholder={asking ? "What do you want to know?" : member ? "Write…" : "Write a submission…"}
        onKeyDown={onKey}
        onChange={(event) => {
          setText(event.target.value)
          typed()
        }}
      />
      <div className="row">
        {!member && (
          <label className="stake">
            Stake{" "}
            <input
              type="number"
              min={policy.minimumStake}
              step={1}
              value={stake}
              onChange={(event) => setStake(event.target.value)}
            />
          </label>
        )}
        <span className="quiet hint">
          {asking && chorus?.offline === true
            ? "No model is connected: the built-in one quotes what the group wrote and adds nothing."
            : asking
            ? `${chorus?.model ?? "The Chorus"} answers, over what the group wrote before.`
            : <span className="keys">Ctrl + Enter sends</span>}
        </span>
        <button className="primary" type="submit" disabled={text.trim() === ""}>
          {asking ? "Ask" : member ? "Send" : "Submit"}
        </button>
      </div>
    </form>
  )
}

const Choice = ({ children, mode, now, set }: {
  readonly mode: Mode
  readonly now: Mode
  readonly set: (mode: Mode) => void
  readonly children: string
}): ReactNode => (
  <label className={mode === now ? "chosen" : ""}>
    <input type="radio" name="mode" className="away" checked={mode === now} onChange={() => set(mode)} />
    {children}
  </label>
)

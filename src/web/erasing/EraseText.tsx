/** Erasing one's own text (TOP10): a button beside it, and the question that it asks once, in place of a dialog. */
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useUnloadWarning } from "../composer/sending.ts"
import { formatError } from "../language/people.ts"
import type { ThreadTopic } from "../topic/hooks.ts"

/** A text of the thread, by the event that holds it. */
interface Erasable {
  readonly seq: number
  readonly author: UserId
  /** The owner of the agent that wrote it, who may erase it as well (AUT8). */
  readonly owner?: UserId | undefined
  readonly text: string
  /** What it is, as the question calls it. */
  readonly noun: "message" | "question" | "submission"
  /** What else follows from erasing it. */
  readonly consequence?: string | undefined
}

interface Props {
  readonly topic: ThreadTopic
  readonly me: UserId
  readonly item: Erasable
}

type Progress =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Asking"; readonly refusal: string | undefined }
  | { readonly _tag: "Erasing" }

/** The button and, once it was pressed, the question below the text; both null where this user can erase nothing. */
export const useErase = ({ item, me, topic }: Props): { readonly button: ReactNode; readonly question: ReactNode } => {
  const [progress, setProgress] = useState<Progress>({ _tag: "Closed" })
  const buttonRef = useRef<HTMLButtonElement>(null)
  const { author, noun, owner, seq, text } = item
  const mayErase = text !== erasedMark && (author === me || owner === me)
  // Nothing repeats it after the page is gone.
  useUnloadWarning(mayErase && progress._tag === "Erasing")
  if (!mayErase) return { button: null, question: null }

  const erase = (reason: string) => {
    setProgress({ _tag: "Erasing" })
    topic.sendPromise({ _tag: "erase", seq, ...(reason === "" ? undefined : { reason }) }).catch((error: unknown) =>
      setProgress({ _tag: "Asking", refusal: formatError(error) })
    )
  }
  const close = () => {
    setProgress({ _tag: "Closed" })
    buttonRef.current?.focus()
  }
  return {
    button: (
      <button
        ref={buttonRef}
        className="small erase"
        type="button"
        aria-label={`Erase this ${noun}`}
        aria-expanded={progress._tag !== "Closed"}
        disabled={progress._tag === "Erasing"}
        onClick={() => progress._tag === "Closed" ? setProgress({ _tag: "Asking", refusal: undefined }) : close()}
      >
        Erase
      </button>
    ),
    question: progress._tag === "Closed"
      ? null
      : <EraseQuestion item={item} progress={progress} onErase={erase} onClose={close} />
  }
}

/** What erasing does, an optional reason, and the two answers. The harmless one has the focus, also after a refusal. */
const EraseQuestion = ({ item: { consequence, noun }, onClose, onErase, progress }: {
  readonly item: Erasable
  readonly progress: Exclude<Progress, { readonly _tag: "Closed" }>
  readonly onErase: (reason: string) => void
  readonly onClose: () => void
}): ReactNode => {
  const [reason, setReason] = useState("")
  const formRef = useRef<HTMLFormElement>(null)
  const keepRef = useRef<HTMLButtonElement>(null)
  const inputId = useId()
  const isErasing = progress._tag === "Erasing"
  useEffect(() => {
    if (!isErasing) keepRef.current?.focus()
  }, [isErasing])
  useEffect(() => {
    formRef.current?.scrollIntoView({ block: "nearest" })
    const entry = formRef.current?.closest("li")
    // When the text is gone the question is too: its entry keeps the place of the keyboard.
    return () => {
      if (document.activeElement === document.body) entry?.focus({ preventScroll: true })
    }
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onErase(reason.trim())
  }
  const cancelByKey = ({ key }: KeyboardEvent) => {
    if (key === "Escape" && !isErasing) onClose()
  }
  return (
    <form
      ref={formRef}
      className="erase-question"
      aria-label={`Erase this ${noun}?`}
      aria-busy={isErasing}
      onSubmit={submit}
      onKeyDown={cancelByKey}
    >
      <p>
        Its text is deleted for everybody and cannot be restored. Answers of the Chorus that repeat it are deleted too.
        {consequence !== undefined && ` ${consequence}`}
      </p>
      <div>
        <label className="muted" htmlFor={inputId}>Reason, for all who read this thread (optional)</label>
        <input
          id={inputId}
          value={reason}
          maxLength={2_000}
          autoComplete="off"
          disabled={isErasing}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      <div className="row">
        <button className="danger" type="submit" disabled={isErasing}>
          {isErasing ? "Erasing…" : "Erase for everybody"}
        </button>
        <button ref={keepRef} type="button" disabled={isErasing} onClick={onClose}>Keep it</button>
      </div>
      {progress._tag === "Asking" && progress.refusal !== undefined && (
        <p className="error-message" role="alert">{progress.refusal}</p>
      )}
    </form>
  )
}

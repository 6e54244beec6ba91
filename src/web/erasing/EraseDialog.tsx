/**
 * Erasing one's own text (TOP10): a button beside the text, and one question. The question belongs to the thread's page, since
 * the row of the text may leave the document while it is asked.
 */
import {
  createContext,
  type FormEvent,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useId,
  useRef,
  useState
} from "react"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { Dialog } from "../design/Dialog.tsx"
import { ErrorText } from "../design/ErrorText.tsx"
import { IconButton } from "../design/IconButton.tsx"
import { TextField } from "../design/TextField.tsx"
import { useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import { useUnloadWarning } from "../topic/useUnloadWarning.ts"
import { erasingMessages } from "./ErasingMessages.ts"

/** A text of the thread, by the event that holds it. */
export interface Erasable {
  readonly seq: number
  readonly author: UserId
  /** The owner of the agent that wrote it, who may erase it as well (AUT8). */
  readonly owner?: UserId | undefined
  readonly text: string
  readonly noun: "message" | "question" | "submission"
  /** What else follows from erasing it. */
  readonly consequence?: "runStops" | "stakeReturns" | undefined
}

const AskContext = createContext<(item: Erasable) => void>(() => {})

/** Whether a user may erase a text: its author, and the owner of an agent that is. */
export const mayErase = ({ author, owner, text }: Erasable, user: UserId): boolean =>
  text !== erasedMark && (author === user || owner === user)

/** The button beside a text; nothing where this user can erase nothing. */
export const EraseButton = ({ item }: { readonly item: Erasable }): ReactNode => {
  const ask = useContext(AskContext)
  const { me } = useClient()
  const messages = useMessages(erasingMessages)
  return mayErase(item, me)
    ? <IconButton icon="erase" label={messages.erase[item.noun]} onClick={() => ask(item)} />
    : null
}

type Progress =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Asking"; readonly refusal: string | undefined }
  | { readonly _tag: "Erasing" }

/** Holds the question for the buttons below it. */
export const EraseDialogProvider = ({ children }: { readonly children: ReactNode }): ReactNode => {
  const topic = useThreadTopic()
  // Kept while the dialog closes.
  const [item, setItem] = useState<Erasable>()
  const [progress, setProgress] = useState<Progress>({ _tag: "Closed" })
  const ask = useCallback((item: Erasable) => {
    setItem(item)
    setProgress({ _tag: "Asking", refusal: undefined })
  }, [])
  // Nothing repeats it after the page is gone.
  useUnloadWarning(progress._tag === "Erasing")
  const erase = (seq: number, reason: string) => {
    setProgress({ _tag: "Erasing" })
    topic.sendPromise({ _tag: "erase", seq, ...(reason === "" ? undefined : { reason }) }).then(
      () => setProgress({ _tag: "Closed" }),
      (error: unknown) => setProgress({ _tag: "Asking", refusal: formatError(error) })
    )
  }
  return (
    <AskContext value={ask}>
      {children}
      {item !== undefined && (
        <EraseDialog
          key={item.seq}
          item={item}
          progress={progress}
          onErase={(reason) => erase(item.seq, reason)}
          onClose={() => setProgress({ _tag: "Closed" })}
        />
      )}
    </AskContext>
  )
}

/** What erasing does, an optional reason, and the two answers. The harmless one has the focus, also after a refusal. */
const EraseDialog = ({ item: { consequence, noun }, onClose, onErase, progress }: {
  readonly item: Erasable
  readonly progress: Progress
  readonly onErase: (reason: string) => void
  readonly onClose: () => void
}): ReactNode => {
  const messages = useMessages(erasingMessages)
  const [reason, setReason] = useState("")
  const formId = useId()
  const keepRef = useRef<HTMLButtonElement>(null)
  const isErasing = progress._tag === "Erasing"
  const refusal = progress._tag === "Asking" ? progress.refusal : undefined
  useEffect(() => {
    if (refusal !== undefined) keepRef.current?.focus()
  }, [refusal])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onErase(reason.trim())
  }
  return (
    <Dialog
      open={progress._tag !== "Closed"}
      onOpenChange={(open) => open || isErasing ? undefined : onClose()}
      initialFocus={keepRef}
      title={messages.title[noun]}
      description={consequence === undefined ? messages.effect : `${messages.effect} ${messages[consequence]}`}
      footer={
        <>
          <Button ref={keepRef} disabled={isErasing} onClick={onClose}>{messages.keep}</Button>
          <Button variant="danger" type="submit" form={formId} disabled={isErasing}>
            {isErasing ? messages.erasing : messages.confirm}
          </Button>
        </>
      }
    >
      <form id={formId} aria-busy={isErasing} onSubmit={submit}>
        <TextField
          label={messages.reason}
          value={reason}
          maxLength={2_000}
          autoComplete="off"
          disabled={isErasing}
          onChange={(event) => setReason(event.target.value)}
        />
      </form>
      <ErrorText>{refusal}</ErrorText>
    </Dialog>
  )
}

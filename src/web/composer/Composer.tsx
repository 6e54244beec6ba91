/** The one form at the end of a thread: messages, submissions with a stake, and questions to the Chorus. */
import { type ReactNode, type SubmitEvent, useCallback, useEffect, useId, useRef, useState } from "react"
import { commandId } from "../../client/Client.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import {
  emptyDraft,
  listRejected,
  onRejectedChange,
  readDraft,
  type RejectedText,
  removeRejected,
  saveDraft,
  saveRejected
} from "../storage/savedText.ts"
import { useThreadTopic, useThreadView } from "../topic/ThreadTopic.ts"
import style from "./Composer.module.css"
import { ComposerBar, useIsAnswering } from "./ComposerBar.tsx"
import { ComposerField } from "./ComposerField.tsx"
import { composerMessages, problemText } from "./ComposerMessages.ts"
import {
  type Composition,
  compositionCommand,
  type CompositionProblem,
  compositionProblem,
  isQuestion,
  stakeProblem,
  withoutMention
} from "./composition.ts"
import { RejectedTexts } from "./RejectedTexts.tsx"
import { send as sendCommand } from "./sending.ts"
import { StakeField } from "./StakeField.tsx"
import { useTyping } from "./typing.ts"
import { type DraftStore, useDraft } from "./useDraft.ts"

interface Props {
  /** Called when a text was sent, before it is answered. */
  readonly onSent: () => void
  /** Whether to focus the text field when it appears, and what to call then. */
  readonly focusOnMount: boolean
  readonly onFocused: () => void
}

/** The form, or a note that the thread is closed; nothing before the thread is there. */
export const Composer = (props: Props): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const thread = useThreadView(({ state }) => ({
    isClosed: state.status === "closed",
    isMember: isCoAuthor(state, me)
  }))
  if (thread === undefined) return null
  return (
    <div className={style.dock}>
      {thread.isClosed ? <ClosedNote key={id} /> : <ComposerForm key={id} {...props} isMember={thread.isMember} />}
    </div>
  )
}

/** A closed thread takes no text: what is in the field is set aside, where it can be read. */
const ClosedNote = (): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const words = useMessages(composerMessages)
  useEffect(() => {
    const draft = readDraft(me, id)
    saveDraft(me, id, emptyDraft)
    if (draft.text !== "") saveRejected(me, { id: commandId(), topic: id, draft, reason: null, at: Date.now() })
  }, [me, id])
  return (
    <>
      <RejectedTexts onEdit={undefined} />
      <p className={style.closed}>
        <Icon name="lock" /> {words.closed}
      </p>
    </>
  )
}

/** What is wrong with the text in the field: it cannot be sent, or it was sent and rejected. */
type FieldError = CompositionProblem | { readonly _tag: "Rejected"; readonly reason: string }

/**
 * Moves rejected texts into the field: `edit`, when the user says so, with what is in the field set aside in exchange; and by
 * itself when one is rejected while the field is empty.
 */
const useRejections = (store: DraftStore, setError: (error: FieldError | undefined) => void) => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const edit = useCallback((entry: RejectedText) => {
    const { draft, id, reason, topic } = entry
    const present = store.read()
    if (present.text.trim() !== "") {
      saveRejected(me, { id: commandId(), topic, draft: present, reason: null, at: Date.now() })
    }
    store.change(draft)
    store.save()
    removeRejected(me, id)
    setError(reason === null ? undefined : { _tag: "Rejected", reason })
  }, [me, store, setError])
  useEffect(() => {
    let known = listRejected(me, id)
    return onRejectedChange(me, () => {
      const rejected = listRejected(me, id)
      const fresh = rejected.find((entry) => entry.reason !== null && known.every((other) => other.id !== entry.id))
      known = rejected
      if (fresh !== undefined && store.read().text.trim() === "") edit(fresh)
    })
  }, [me, id, store, edit])
  return edit
}

const ComposerForm = (
  { focusOnMount, isMember, onFocused, onSent }: Props & { readonly isMember: boolean }
): ReactNode => {
  const client = useClient()
  const topic = useThreadTopic()
  const balance = useClientState((state) => state.init?.user.balance)
  const [draft, store] = useDraft(client.me, topic.id)
  const [error, setError] = useState<FieldError>()
  const [keepTyping, stopTyping] = useTyping(topic)
  const field = useRef<HTMLTextAreaElement>(null)
  const [hintId, errorId] = [useId(), useId()]
  const composition = { ...draft, isCoAuthor: isMember, balance }
  const asks = isQuestion(composition)
  const edit = useRejections(store, setError)
  useEffect(() => {
    if (!focusOnMount) return
    field.current?.focus()
    onFocused()
  }, [focusOnMount, onFocused])

  const change = (part: Partial<typeof draft>) => {
    store.change(part)
    setError(undefined)
  }
  const editAndFocus = useCallback((entry: RejectedText) => {
    edit(entry)
    field.current?.focus()
  }, [edit])
  const send = (event?: SubmitEvent) => {
    event?.preventDefault()
    // The draft as it is now: a second Enter may come before the field is rendered empty.
    const composition: Composition = { ...store.read(), isCoAuthor: isMember, balance }
    if (composition.text.trim() === "") return
    const problem = compositionProblem(composition)
    if (problem !== undefined) return setError(problem)
    sendCommand(client, topic.id, compositionCommand(composition))
    change({ text: "", stake: emptyDraft.stake })
    store.save()
    stopTyping()
    onSent()
  }

  return (
    <>
      <RejectedTexts onEdit={editAndFocus} />
      <form className={`${style.composer} ${asks ? style.question : ""}`} onSubmit={send}>
        {error !== undefined && <ErrorLine id={errorId} error={error} />}
        <ComposerField
          ref={field}
          {...useFieldWords(isMember, asks)}
          value={draft.text}
          aria-describedby={error === undefined ? hintId : `${errorId} ${hintId}`}
          aria-invalid={error !== undefined || undefined}
          onTextChange={(text) => {
            change({ text })
            keepTyping()
          }}
          onSend={send}
          onErase={() => change({ isAsking: false })}
          onBlur={store.save}
        />
        {!isMember && <StakeField stake={draft.stake} balance={balance} onChange={(stake) => change({ stake })} />}
        <ComposerBar
          isCoAuthor={isMember}
          isQuestion={asks}
          canSend={draft.text.trim() !== "" && stakeProblem(composition) === undefined}
          hintId={hintId}
          onQuestionChange={(isAsking) => {
            change(isAsking ? { isAsking } : { isAsking, text: withoutMention(draft.text) })
            field.current?.focus()
          }}
        />
      </form>
    </>
  )
}

const useFieldWords = (isMember: boolean, asks: boolean): { readonly label: string; readonly placeholder: string } => {
  const words = useMessages(composerMessages)
  const isAnswering = useIsAnswering()
  if (asks) {
    return { label: words.yourQuestion, placeholder: isAnswering ? words.writeMoreQuestions : words.writeQuestion }
  }
  return isMember
    ? { label: words.yourMessage, placeholder: words.writeMessage }
    : { label: words.yourSubmission, placeholder: words.writeSubmission }
}

const ErrorLine = ({ error, id }: { readonly id: string; readonly error: FieldError }): ReactNode => {
  const words = useMessages(composerMessages)
  const format = useFormat()
  return (
    <p id={id} className={style.error} role="alert">
      <Icon name="alert" /> {error._tag === "Rejected" ? error.reason : problemText(error, words, format)}
    </p>
  )
}

/** The one form at the end of a thread: messages, submissions with a stake, and questions to the Chorus. */
import { type ReactNode, type SubmitEvent, useCallback, useEffect, useId, useRef } from "react"
import { commandId } from "../../client/Client.ts"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { useClient } from "../../react/ClientContext.ts"
import { ErrorText } from "../design/ErrorText.tsx"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { emptyDraft, readDraft, type RejectedText, saveDraft, saveRejected } from "../storage/savedText.ts"
import { useThreadRequest } from "../topic/ThreadRequests.ts"
import { useThreadFacts, useThreadTopic } from "../topic/ThreadTopic.ts"
import style from "./Composer.module.css"
import { AskChip, ComposerBar, useIsAnswering } from "./ComposerBar.tsx"
import { ComposerField } from "./ComposerField.tsx"
import { composerMessages, problemText } from "./ComposerMessages.ts"
import { isQuestion, mentionsChorus, stakeProblem, withoutMention } from "./composition.ts"
import { RejectedTexts } from "./RejectedTexts.tsx"
import { StakeField, SubmissionNote } from "./StakeField.tsx"
import { type FieldError, useComposer } from "./useComposer.ts"

interface Props {
  /** Called when a text was sent, before it is answered. */
  readonly onSent: () => void
  /** Whether to focus the text field when it appears, and what to call then. */
  readonly focusOnMount: boolean
  readonly onFocused: () => void
}

/** The form, or a note that the thread is closed; nothing before it is known which. */
export const Composer = (props: Props): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const facts = useThreadFacts()
  if (facts === undefined) return null
  return (
    <div className={style.dock}>
      {facts.isClosed
        ? <ClosedNote key={id} />
        : <ComposerForm key={id} {...props} isMember={isCoAuthor(facts, me)} />}
    </div>
  )
}

/** A closed thread takes no text: what is in the field is set aside, where it can be read. */
const ClosedNote = (): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const messages = useMessages(composerMessages)
  useEffect(() => {
    const draft = readDraft(me, id)
    saveDraft(me, id, emptyDraft)
    if (draft.text !== "") saveRejected(me, { id: commandId(), topic: id, draft, reason: null, at: Date.now() })
  }, [me, id])
  return (
    <>
      <RejectedTexts />
      <p className={style.closed}>
        <Icon name="lock" /> {messages.closed}
      </p>
    </>
  )
}

const ComposerForm = (
  { focusOnMount, isMember, onFocused, onSent }: Props & { readonly isMember: boolean }
): ReactNode => {
  const { change, composition, edit, error, save, send, write } = useComposer(isMember, onSent)
  const { balance, stake, text } = composition
  const asks = isQuestion(composition)
  const labels = useFieldLabels(isMember, asks)
  const field = useRef<HTMLTextAreaElement>(null)
  const [hintId, errorId] = [useId(), useId()]
  useEffect(() => {
    if (!focusOnMount) return
    field.current?.focus()
    onFocused()
  }, [focusOnMount, onFocused])
  const focusField = useCallback(() => field.current?.focus(), [])
  const editAndFocus = useCallback((rejected: RejectedText) => {
    edit(rejected)
    focusField()
  }, [edit, focusField])
  const changeMode = (isAsking: boolean) => {
    change(isAsking ? { isAsking } : { isAsking, text: withoutMention(text) })
    focusField()
  }
  useThreadRequest("ask", () => isMember ? changeMode(true) : field.current?.focus())
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    send()
    focusField()
  }
  return (
    <>
      <RejectedTexts onEdit={editAndFocus} onDiscard={focusField} />
      <form className={`${style.composer} ${asks ? style.question : ""}`} onSubmit={submit}>
        {error !== undefined && <ErrorLine id={errorId} error={error} />}
        <ComposerField
          ref={field}
          label={labels.label}
          placeholder={labels.placeholder}
          value={text}
          aria-describedby={error === undefined ? hintId : `${errorId} ${hintId}`}
          aria-invalid={error !== undefined || undefined}
          onTextChange={write}
          onSend={send}
          onErase={() => change({ isAsking: false })}
          onBlur={save}
        />
        {!isMember && <SubmissionNote id={hintId} wantsToAsk={mentionsChorus(text)} />}
        <ComposerBar
          sendLabel={labels.send}
          isQuestion={asks}
          canSend={stakeProblem(composition) === undefined}
          onStop={focusField}
        >
          {isMember
            ? <AskChip id={hintId} isQuestion={asks} onChange={changeMode} />
            : <StakeField stake={stake} balance={balance} onChange={(stake) => change({ stake })} />}
        </ComposerBar>
      </form>
    </>
  )
}

const useFieldLabels = (isMember: boolean, asks: boolean): {
  readonly label: string
  readonly placeholder: string
  readonly send: string
} => {
  const messages = useMessages(composerMessages)
  const isAnswering = useIsAnswering()
  if (asks) {
    const placeholder = isAnswering ? messages.writeMoreQuestions : messages.writeQuestion
    return { label: messages.yourQuestion, placeholder, send: messages.ask }
  }
  return isMember
    ? { label: messages.yourMessage, placeholder: messages.writeMessage, send: messages.send }
    : { label: messages.yourSubmission, placeholder: messages.writeSubmission, send: messages.submit }
}

const ErrorLine = ({ error, id }: { readonly id: string; readonly error: FieldError }): ReactNode => {
  const messages = useMessages(composerMessages)
  const format = useFormat()
  return (
    <div className={style.error}>
      <ErrorText id={id}>{error._tag === "Rejected" ? error.reason : problemText(error, messages, format)}</ErrorText>
    </div>
  )
}

/** The dialog that makes a thread: its title, and who may read it. */
import { type FormEvent, type ReactNode, type RefObject, useId, useRef, useState } from "react"
import { commandId } from "../../client/Client.ts"
import { TopicId } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { Dialog } from "../design/Dialog.tsx"
import { RadioGroup } from "../design/RadioGroup.tsx"
import { TextField } from "../design/TextField.tsx"
import { useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import style from "./NewThreadDialog.module.css"
import { newThreadMessages } from "./NewThreadMessages.ts"

interface Props {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
  /** Called when the server has the thread. */
  readonly onThreadCreated: (topic: TopicId) => void
}

/** The dialog. */
export const NewThreadDialog = ({ onOpenChange, onThreadCreated, open }: Props): ReactNode => {
  const messages = useMessages(newThreadMessages)
  const formId = useId()
  const [isReady, setReady] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={messages.newThread}
      initialFocus={field}
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>{messages.cancel}</Button>
          <Button variant="go" type="submit" form={formId} disabled={!isReady}>{messages.create}</Button>
        </>
      }
    >
      <NewThreadForm
        id={formId}
        field={field}
        onReady={setReady}
        onThreadCreated={(topic) => {
          onOpenChange(false)
          onThreadCreated(topic)
        }}
      />
    </Dialog>
  )
}

/** Mounted with each opening: nothing is remembered, least of all that the last thread was for few. */
const NewThreadForm = ({ field, id, onReady, onThreadCreated }: {
  readonly id: string
  readonly field: RefObject<HTMLInputElement | null>
  /** Tells whether there is something to submit. */
  readonly onReady: (isReady: boolean) => void
  readonly onThreadCreated: (topic: TopicId) => void
}): ReactNode => {
  const client = useClient()
  const messages = useMessages(newThreadMessages)
  const [name, setName] = useState("")
  const [visibility, setVisibility] = useState<"public" | "members">("public")
  const [errorMessage, setErrorMessage] = useState<string>()

  const create = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() === "") return
    onReady(false)
    setErrorMessage(undefined)
    const command = commandId()
    const topic = TopicId.make(`thread:${command}`)
    client.topic(threadKind, topic).sendPromise({ _tag: "create_thread", name: name.trim(), visibility }, command).then(
      () => onThreadCreated(topic),
      (error: unknown) => {
        onReady(true)
        setErrorMessage(formatError(error))
      }
    )
  }

  return (
    <form id={id} className={style.form} onSubmit={create}>
      <TextField
        label={messages.title}
        hint={messages.titleHint}
        error={errorMessage}
        value={name}
        maxLength={200}
        autoComplete="off"
        ref={field}
        onChange={(event) => {
          setName(event.target.value)
          onReady(event.target.value.trim() !== "")
        }}
      />
      <RadioGroup
        legend={messages.whoReads}
        value={visibility}
        onValueChange={setVisibility}
        options={[
          { value: "public", label: messages.everybodyLabel, hint: messages.everybodyHint },
          { value: "members", label: messages.coAuthorsOnlyLabel, hint: messages.coAuthorsOnlyHint }
        ]}
      />
    </form>
  )
}

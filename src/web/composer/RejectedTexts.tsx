/** The texts of the open thread that were not accepted, above the composer: nobody but their author has them. */
import { memo, type ReactNode, useCallback, useId } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useSelector } from "../../react/useSelector.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { useToast } from "../design/Toast.tsx"
import { useMessages } from "../language/Language.ts"
import {
  listRejected,
  onRejectedChange,
  type RejectedText,
  removeRejected,
  saveRejected
} from "../storage/savedText.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import { composerMessages } from "./ComposerMessages.ts"
import style from "./RejectedTexts.module.css"

interface Props {
  /** Moves a text to the field. Without it there is no field, and the texts are shown whole. */
  readonly onEdit?: ((rejected: RejectedText) => void) | undefined
  /** Called when a text was discarded. */
  readonly onDiscard?: (() => void) | undefined
}

/** The list; nothing while it is empty. */
export const RejectedTexts = memo((props: Props): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const rejected = useSelector(
    useCallback((onChange: () => void) => onRejectedChange(me, onChange), [me]),
    useCallback(() => listRejected(me, id), [me, id]),
    (rejected) => rejected
  )
  const messages = useMessages(composerMessages)
  return rejected.length === 0 ? null : (
    <ul className={style.list} aria-label={messages.notAccepted}>
      {rejected.map((entry) => <RejectedItem key={entry.id} rejected={entry} {...props} />)}
    </ul>
  )
})

const RejectedItem = ({ onDiscard, onEdit, rejected }: Props & { readonly rejected: RejectedText }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(composerMessages)
  const toast = useToast()
  const textId = useId()
  const { draft, id, reason } = rejected
  const discard = () => {
    removeRejected(me, id)
    toast(messages.discarded, { label: messages.undo, onSelect: () => saveRejected(me, rejected) })
    onDiscard?.()
  }
  return (
    <li className={style.item}>
      <div className={style.words}>
        {draft.isAsking && (
          <p className={style.mode}>
            <Icon name="voice" /> {messages.question}
          </p>
        )}
        <p id={textId} className={`${style.text} ${onEdit === undefined ? "" : style.beginning}`} dir="auto">
          {draft.text}
        </p>
        <p className={reason === null ? style.note : style.reason}>
          {reason !== null && <Icon name="alert" />}
          <span>{reason === null ? messages.setAside : messages.notSeen(reason.replace(/\.$/, ""))}</span>
        </p>
      </div>
      <p className={style.actions}>
        {onEdit !== undefined && (
          <Button aria-describedby={textId} onClick={() => onEdit(rejected)}>{messages.edit}</Button>
        )}
        <Button variant="quiet" aria-describedby={textId} onClick={discard}>
          {messages.discard}
        </Button>
      </p>
    </li>
  )
}

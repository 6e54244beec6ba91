/** The texts of the open thread that were not accepted, above the composer: nobody but their author has them. */
import { memo, type ReactNode, useCallback, useId } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useSelector } from "../../react/useSelector.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { useMessages } from "../language/Language.ts"
import { listRejected, onRejectedChange, type RejectedText, removeRejected } from "../storage/savedText.ts"
import { useThreadTopic } from "../topic/ThreadTopic.ts"
import { composerMessages } from "./ComposerMessages.ts"
import style from "./RejectedTexts.module.css"

/** The list; nothing while it is empty. `onEdit` moves a text to the field; without it there is no field. */
export const RejectedTexts = memo(({ onEdit }: {
  readonly onEdit: ((rejected: RejectedText) => void) | undefined
}): ReactNode => {
  const { me } = useClient()
  const { id } = useThreadTopic()
  const rejected = useSelector(
    useCallback((onChange: () => void) => onRejectedChange(me, onChange), [me]),
    useCallback(() => listRejected(me, id), [me, id]),
    (rejected) => rejected
  )
  const words = useMessages(composerMessages)
  return rejected.length === 0 ? null : (
    <ul className={style.list} aria-label={words.notAccepted}>
      {rejected.map((entry) => <RejectedItem key={entry.id} rejected={entry} onEdit={onEdit} />)}
    </ul>
  )
})

const RejectedItem = ({ onEdit, rejected }: {
  readonly rejected: RejectedText
  readonly onEdit: ((rejected: RejectedText) => void) | undefined
}): ReactNode => {
  const { me } = useClient()
  const words = useMessages(composerMessages)
  const textId = useId()
  const { draft, id, reason } = rejected
  return (
    <li className={style.item}>
      <div className={style.words}>
        {draft.isAsking && (
          <p className={style.mode}>
            <Icon name="voice" /> {words.question}
          </p>
        )}
        <p id={textId} className={style.text} dir="auto">{draft.text}</p>
        <p className={reason === null ? style.note : style.reason}>
          {reason !== null && <Icon name="alert" />}
          <span>{reason === null ? words.setAside : words.notSeen(reason.replace(/\.$/, ""))}</span>
        </p>
      </div>
      <p className={style.actions}>
        {onEdit !== undefined && (
          <Button aria-describedby={textId} onClick={() => onEdit(rejected)}>{words.edit}</Button>
        )}
        <Button variant="quiet" aria-describedby={textId} onClick={() => removeRejected(me, id)}>
          {words.discard}
        </Button>
      </p>
    </li>
  )
}

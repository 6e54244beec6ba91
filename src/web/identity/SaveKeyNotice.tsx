/** The notice that the secret of a new key must be saved. */
import { type ReactNode, useId, useState } from "react"
import { Button } from "../design/Button.tsx"
import { useMessages } from "../language/Language.ts"
import { CopyButton } from "./CopyButton.tsx"
import { identityMessages } from "./IdentityMessages.ts"
import { KeyText } from "./KeyText.tsx"
import style from "./SaveKeyNotice.module.css"

/** The notice, until its user says that it is done. */
export const SaveKeyNotice = (
  { onDone, secret }: { readonly secret: string; readonly onDone: () => void }
): ReactNode => {
  const messages = useMessages(identityMessages)
  const [isVisible, setVisible] = useState(false)
  const titleId = useId()
  return (
    <section className={style.notice} aria-labelledby={titleId}>
      <h2 className={style.title} id={titleId}>{messages.saveTitle}</h2>
      <p>{messages.saveText}</p>
      {isVisible && <KeyText text={secret} />}
      <div className={style.buttons}>
        <CopyButton text={secret} label={messages.copySecret} />
        <Button variant="quiet" aria-expanded={isVisible} onClick={() => setVisible(!isVisible)}>
          {isVisible ? messages.hide : messages.show}
        </Button>
        <Button variant="quiet" icon="check" onClick={onDone}>{messages.done}</Button>
      </div>
    </section>
  )
}

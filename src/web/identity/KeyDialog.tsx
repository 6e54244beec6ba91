/** The user's key: what others see, what must be kept, and how to remove it from this browser. */
import { type ReactNode, useState } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Button } from "../design/Button.tsx"
import { ConfirmDialog } from "../design/ConfirmDialog.tsx"
import { Dialog } from "../design/Dialog.tsx"
import { ErrorText } from "../design/ErrorText.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { CopyButton } from "./CopyButton.tsx"
import { identityMessages } from "./IdentityMessages.ts"
import style from "./KeyDialog.module.css"
import { KeyText } from "./KeyText.tsx"
import { type KeyRemoval, useKeyRemoval } from "./useKeyRemoval.ts"

interface Props {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
  /** The secret of a key that was made on this page; undefined for one that was stored before. */
  readonly secret: string | undefined
  readonly onKeyRemoved: () => void
}

/** The dialog. It stays mounted while it is closed, since a removal may be under way. */
export const KeyDialog = ({ onKeyRemoved, onOpenChange, open, secret }: Props): ReactNode => {
  const messages = useMessages(identityMessages)
  const format = useFormat()
  const { me } = useClient()
  const balance = useClientState((state) => state.init?.user.balance)
  const removal = useKeyRemoval(onKeyRemoved)
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={messages.yourKey}
      description={balance === undefined ? undefined : messages.balance(format.tokens(balance))}
    >
      <div className={style.parts}>
        <section className={style.part}>
          <h3>{messages.publicKey}</h3>
          <KeyText text={me} />
          <div className={style.buttons}>
            <p>{messages.publicKeyHint}</p>
            <CopyButton text={me} label={messages.copyPublicKey} />
          </div>
        </section>
        <section className={style.part}>
          <h3>{messages.secret}</h3>
          <div className={style.buttons}>
            <p>{secret === undefined ? messages.secretUnknown : messages.secretKnown}</p>
            {secret !== undefined && <CopyButton text={secret} label={messages.copySecret} />}
          </div>
        </section>
        <Removal removal={removal} />
      </div>
    </Dialog>
  )
}

const Removal = ({ removal }: { readonly removal: KeyRemoval }): ReactNode => {
  const messages = useMessages(identityMessages)
  const [isAsked, setAsked] = useState(false)
  return (
    <section className={style.part}>
      <h3>{messages.removeKey}</h3>
      <div className={style.buttons}>
        <p role="status">{removal.isSigningOut ? messages.removing : messages.removeHint}</p>
        {removal.isSigningOut
          ? <Button variant="danger" onClick={removal.removeNow}>{messages.removeNow}</Button>
          : <Button variant="danger" onClick={() => setAsked(true)}>{messages.removeKey}</Button>}
      </div>
      <ErrorText>{removal.errorMessage}</ErrorText>
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title={messages.removeQuestion}
        confirmLabel={messages.removeKey}
        cancelLabel={messages.keepKey}
        danger
        onConfirm={removal.signOutAndRemove}
      >
        {messages.removeWarning}
      </ConfirmDialog>
    </section>
  )
}

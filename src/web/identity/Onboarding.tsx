/** The first visit: make a key, or use a saved one. */
import { Effect } from "effect"
import { type FormEvent, type ReactNode, useState } from "react"
import * as Keys from "../../client/Keys.ts"
import { Button } from "../design/Button.tsx"
import { ErrorText } from "../design/ErrorText.tsx"
import { TextField } from "../design/TextField.tsx"
import { useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { saveKey } from "../storage/saveKey.ts"
import { identityMessages } from "./IdentityMessages.ts"
import style from "./Onboarding.module.css"

interface Props {
  readonly initialError: string | undefined
  /** `secret` is that of a new key. */
  readonly onKeyReady: (identity: Keys.Identity, secret: string | undefined) => void
}

/** Asks the browser not to delete the key when space is short. It may refuse, and the secret is the user's to keep. */
const keepStorage = (): void => {
  // Only secure contexts have it, whatever its type says.
  const { storage } = navigator as { readonly storage?: StorageManager }
  storage?.persist().catch(() => {})
}

/** The page of a browser without a key. */
export const Onboarding = ({ onKeyReady, initialError }: Props): ReactNode => {
  const messages = useMessages(identityMessages)
  const [errorMessage, setErrorMessage] = useState(initialError)
  const [isImporting, setImporting] = useState(false)

  const takeSecret = (secret: string, isNew: boolean) => {
    setErrorMessage(undefined)
    Effect.runPromise(saveKey(secret)).then(
      (identity) => {
        keepStorage()
        onKeyReady(identity, isNew ? secret : undefined)
      },
      (error: unknown) => setErrorMessage(formatError(error))
    )
  }

  return (
    <div className={style.page}>
      <header className={style.header}>
        <img src="/favicon.svg" alt="" width="24" height="24" />
        Choir
      </header>
      <main className={style.main}>
        <h1 className={style.headline}>{messages.headline}</h1>
        <div className={style.buttons}>
          <Button
            variant="go"
            className={style.large}
            onClick={() => takeSecret(Effect.runSync(Keys.generateSecret), true)}
          >
            {messages.start}
          </Button>
          <Button className={style.large} aria-expanded={isImporting} onClick={() => setImporting(!isImporting)}>
            {messages.haveKey}
          </Button>
        </div>
        {isImporting && <SecretForm onSecret={(secret) => takeSecret(secret, false)} />}
        <ErrorText>{errorMessage}</ErrorText>
        <p className={style.note}>{messages.whatIsAKey}</p>
      </main>
    </div>
  )
}

const SecretForm = ({ onSecret }: { readonly onSecret: (secret: string) => void }): ReactNode => {
  const messages = useMessages(identityMessages)
  const [secret, setSecret] = useState("")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSecret(secret.trim())
  }
  return (
    <form className={style.form} onSubmit={submit}>
      <TextField
        label={messages.secretLabel}
        hint={messages.secretHint}
        value={secret}
        dir="ltr"
        spellCheck={false}
        autoComplete="off"
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- it appears because its button was pressed
        autoFocus
        placeholder="choir_sk_…"
        onChange={(event) => setSecret(event.target.value)}
      />
      <Button variant="go" type="submit" disabled={secret.trim() === ""}>{messages.useKey}</Button>
    </form>
  )
}

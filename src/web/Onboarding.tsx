/** The first visit: a key is made with one click, or brought along. */
import { Effect } from "effect"
import { type FormEvent, type ReactNode, useState } from "react"
import * as Keys from "../client/Keys.ts"
import { formatError } from "./format.ts"
import * as KeyStore from "./KeyStore.ts"

interface Props {
  readonly initialError: string | undefined
  readonly onKeyReady: (identity: Keys.Identity, secret: string | undefined) => void
}

export const Onboarding = ({ onKeyReady, initialError }: Props): ReactNode => {
  const [errorMessage, setErrorMessage] = useState(initialError)
  const [importing, setImporting] = useState(false)
  const [secret, setSecret] = useState("")

  const saveKey = (secret: string, made: boolean) =>
    Effect.runPromise(KeyStore.save(secret)).then(
      (identity) => onKeyReady(identity, made ? secret : undefined),
      (error: unknown) => setErrorMessage(formatError(error))
    )
  const importKey = (event: FormEvent) => {
    event.preventDefault()
    void saveKey(secret, false)
  }

  return (
    <main className="onboarding">
      <img src="/favicon.svg" alt="" width="44" height="44" />
      <h1>Choir</h1>
      <p className="lead">
        People think together in threads, and the Chorus answers in six visible steps over what the group has written.
      </p>
      <p>
        There are no accounts. You are known by a key that is made here and stays in this browser.
      </p>
      <div className="row">
        <button
          className="primary"
          type="button"
          onClick={() => void saveKey(Effect.runSync(Keys.generateSecret), true)}
        >
          Make a key
        </button>
        <button type="button" aria-expanded={importing} onClick={() => setImporting(!importing)}>I have a key</button>
      </div>
      {importing && (
        <form className="stack" onSubmit={importKey}>
          <label htmlFor="secret">Your key, as you saved it</label>
          <textarea
            id="secret"
            rows={2}
            spellCheck={false}
            autoComplete="off"
            placeholder="choir_sk_…"
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
          <div className="row">
            <button className="primary" type="submit" disabled={secret.trim() === ""}>Use this key</button>
          </div>
        </form>
      )}
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </main>
  )
}

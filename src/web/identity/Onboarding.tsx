/** The first visit: create a key, or import a saved one. */
import { Effect } from "effect"
import { type FormEvent, type ReactNode, useState } from "react"
import * as Keys from "../../client/Keys.ts"
import { formatError } from "../language/people.ts"
import * as KeyStore from "../storage/KeyStore.ts"

interface Props {
  readonly initialError: string | undefined
  readonly onKeyReady: (identity: Keys.Identity, secret: string | undefined) => void
}

/** The page of a browser without a key. */
export const Onboarding = ({ onKeyReady, initialError }: Props): ReactNode => {
  const [errorMessage, setErrorMessage] = useState(initialError)
  const [importing, setImporting] = useState(false)
  const [secret, setSecret] = useState("")

  const saveKey = (secret: string, isNew: boolean) =>
    Effect.runPromise(KeyStore.save(secret)).then(
      (identity) => onKeyReady(identity, isNew ? secret : undefined),
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
        Write in threads with others. The Chorus, an AI, answers questions in six visible steps and cites what the group
        has written.
      </p>
      <p>
        No account is needed. A key that is created and stored in this browser identifies you.
      </p>
      <div className="row">
        <button
          className="primary"
          type="button"
          onClick={() => void saveKey(Effect.runSync(Keys.generateSecret), true)}
        >
          Create a key
        </button>
        <button type="button" aria-expanded={importing} onClick={() => setImporting(!importing)}>
          Use an existing key
        </button>
      </div>
      {importing && (
        <form className="stack" onSubmit={importKey}>
          <label htmlFor="secret">Your saved key</label>
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

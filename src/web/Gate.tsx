/** The first visit: a key is made with one click, or brought along. */
import { Effect } from "effect"
import { type FormEvent, type ReactNode, useState } from "react"
import * as Keys from "../client/Keys.ts"
import * as KeyStore from "./KeyStore.ts"
import { sentence } from "./words.ts"

interface Props {
  readonly fault: string | undefined
  readonly enter: (identity: Keys.Identity, secret: string | undefined) => void
}

export const Gate = ({ enter, fault: first }: Props): ReactNode => {
  const [fault, setFault] = useState(first)
  const [bringing, setBringing] = useState(false)
  const [secret, setSecret] = useState("")

  const keep = (secret: string, made: boolean) =>
    Effect.runPromise(KeyStore.keep(secret)).then(
      (identity) => enter(identity, made ? secret : undefined),
      (error: unknown) => setFault(sentence(error))
    )
  const bring = (event: FormEvent) => {
    event.preventDefault()
    void keep(secret, false)
  }

  return (
    <main className="gate">
      <img src="/favicon.svg" alt="" width="44" height="44" />
      <h1>Choir</h1>
      <p className="lead">
        People think together in threads, and the Chorus answers in six visible steps over what the group has written.
      </p>
      <p>
        There are no accounts. You are known by a key that is made here and stays in this browser.
      </p>
      <div className="row">
        <button className="primary" type="button" onClick={() => void keep(Effect.runSync(Keys.generate), true)}>
          Make a key
        </button>
        <button type="button" aria-expanded={bringing} onClick={() => setBringing(!bringing)}>I have a key</button>
      </div>
      {bringing && (
        <form className="stack" onSubmit={bring}>
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
      {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
    </main>
  )
}

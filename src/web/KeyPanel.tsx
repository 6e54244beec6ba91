/** The own key: its short form, its tokens, saving it, and bringing another. */
import { Effect } from "effect"
import { type ReactNode, useState } from "react"
import type { Client } from "../client/Client.ts"
import { clearDrafts } from "./drafts.ts"
import * as KeyStore from "./KeyStore.ts"
import { Mark } from "./Who.tsx"
import { sentence, shortKey, tokens } from "./words.ts"

interface Props {
  readonly client: Client
  readonly balance: number | undefined
  readonly secret: string | undefined
  /** Whether the key still waits to be saved, and what says that it was. */
  readonly unsaved: boolean
  readonly saved: () => void
  readonly leave: () => void
}

export const KeyPanel = ({ balance, client, leave, saved, secret, unsaved }: Props): ReactNode => {
  const [fault, setFault] = useState<string>()
  const forget = () => {
    if (!confirm("Forget this key? Unless you saved its text, nobody can be you again.")) return
    Effect.runPromise(Effect.andThen(Effect.ignore(Effect.timeout(client.signOut, 2_000)), KeyStore.forget)).then(
      () => {
        clearDrafts()
        leave()
      },
      (error: unknown) => setFault(sentence(error))
    )
  }
  return (
    <section className="me" aria-label="Your key">
      {secret !== undefined && unsaved && <Save secret={secret} done={saved} />}
      <details>
        <summary>
          <Mark author={client.me} />
          <span className="key">{shortKey(client.me)}</span>
          <span className="balance">{balance === undefined ? "" : tokens(balance)}</span>
        </summary>
        <div className="stack">
          <p className="quiet">You are this key, to everybody:</p>
          <code className="whole">{client.me}</code>
          <p className="quiet">
            {secret === undefined
              ? "It is locked in this browser and cannot be read out of it."
              : "Its secret text can be saved until you close or reload this page."}
          </p>
          <div className="row">
            {secret !== undefined && <Copy text={secret} label="Copy the secret text" />}
            <button type="button" onClick={forget}>Forget, or use another key</button>
          </div>
          {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
        </div>
      </details>
    </section>
  )
}

/** Said once, when the key is new. */
export const Save = ({ done, secret }: { readonly secret: string; readonly done: () => void }): ReactNode => {
  const [shown, setShown] = useState(false)
  return (
    <div className="notice">
      <p>
        <strong>Save your key.</strong> This browser is the only place that has it, and will not show it again.
      </p>
      {shown && <code className="whole">{secret}</code>}
      <div className="row">
        <Copy text={secret} label="Copy" failed={() => setShown(true)} />
        <button type="button" onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</button>
        <button type="button" onClick={done}>Done</button>
      </div>
    </div>
  )
}

const Copy = ({ failed, label, text }: {
  readonly text: string
  readonly label: string
  readonly failed?: () => void
}): ReactNode => {
  const [copied, setCopied] = useState(false)
  return (
    <button
      type="button"
      onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true), failed)}
    >
      {copied ? "Copied" : label}
    </button>
  )
}

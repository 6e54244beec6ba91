/** The user's key: its short form, its balance, saving the secret, and removing the key. */
import { Effect } from "effect"
import { type ReactNode, useEffect, useRef, useState } from "react"
import type { Client } from "../../client/Client.ts"
import { formatTokens } from "../language/legacy.ts"
import { formatError, shortKey } from "../language/people.ts"
import { UserDot } from "../people/UserBadge.tsx"
import * as KeyStore from "../storage/KeyStore.ts"
import { clearSaved } from "../storage/savedText.ts"

interface Props {
  readonly client: Client
  readonly balance: number | undefined
  readonly secret: string | undefined
  /** Whether the secret of a new key is not confirmed as saved. */
  readonly unsaved: boolean
  readonly onKeySaved: () => void
  readonly onKeyRemoved: () => void
}

/** The panel at the end of the sidebar. */
export const KeyPanel = ({ balance, client, onKeyRemoved, onKeySaved, secret, unsaved }: Props): ReactNode => {
  const [errorMessage, setErrorMessage] = useState<string>()
  const [signingOut, setSigningOut] = useState(false)
  const showError = (error: unknown) => setErrorMessage(formatError(error))
  const stopWaiting = useRef(() => {})
  // Who has removed the key meanwhile may have made another one.
  useEffect(() => () => stopWaiting.current(), [])
  const removeKey = () =>
    void Effect.runPromise(KeyStore.remove(client.me)).then(() => {
      clearSaved(client.me)
      onKeyRemoved()
    }, showError)
  const signOutAndRemove = () => {
    if (!confirm("Remove this key from the browser? Without a saved copy of its secret, this identity is lost.")) return
    setSigningOut(true)
    setErrorMessage(undefined)
    const signOut = client.state().session === undefined ? Effect.void : client.signOut
    stopWaiting.current = Effect.runCallback(Effect.match(signOut, {
      onSuccess: removeKey,
      onFailure: (error) => {
        setSigningOut(false)
        showError(error)
      }
    }))
  }
  return (
    <section className="key-panel" aria-label="Your key">
      {secret !== undefined && unsaved && <SaveKeyNotice secret={secret} onDone={onKeySaved} />}
      <details>
        <summary>
          <UserDot author={client.me} />
          <span className="key">{shortKey(client.me)}</span>
          <span className="balance">{balance === undefined ? "" : formatTokens(balance)}</span>
        </summary>
        <div className="stack">
          <p className="muted">Your public key, which identifies you:</p>
          <div className="row tight">
            <code className="full-key">{client.me}</code>
            <CopyButton text={client.me} label="Copy" />
          </div>
          <p className="muted">
            {secret === undefined
              ? "The secret is stored in this browser and cannot be exported."
              : "The secret can be copied until you close or reload this page."}
          </p>
          <div className="row">
            {secret !== undefined && <CopyButton text={secret} label="Copy the secret" />}
            {signingOut
              ? <button type="button" onClick={removeKey}>Remove it now</button>
              : <button type="button" onClick={signOutAndRemove}>Remove this key</button>}
          </div>
          {signingOut && (
            <p className="muted" role="status">
              The key is removed when the server has ended its session. Remove it now, and the session ends as soon as
              this page reaches the server.
            </p>
          )}
          {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
        </div>
      </details>
    </section>
  )
}

/** The notice that the secret of a new key must be saved. */
export const SaveKeyNotice = (
  { onDone, secret }: { readonly secret: string; readonly onDone: () => void }
): ReactNode => {
  const [visible, setVisible] = useState(false)
  return (
    <div className="notice">
      <p>
        <strong>Save your key.</strong> It exists only in this browser, and its secret cannot be shown again later.
      </p>
      {visible && <code className="full-key">{secret}</code>}
      <div className="row">
        <CopyButton text={secret} label="Copy" />
        <button type="button" onClick={() => setVisible(!visible)}>{visible ? "Hide" : "Show"}</button>
        <button type="button" onClick={onDone}>Done</button>
      </div>
    </div>
  )
}

/** A button that copies a text. Where the browser does not allow it, the text is shown to be copied by hand. */
const CopyButton = ({ label, text }: { readonly text: string; readonly label: string }): ReactNode => {
  const [outcome, setOutcome] = useState<"copied" | "failed">()
  const copy = () => {
    // Only secure contexts have a clipboard, whatever its type says.
    const { clipboard } = navigator as { readonly clipboard?: Clipboard }
    if (clipboard === undefined) return setOutcome("failed")
    void clipboard.writeText(text).then(() => setOutcome("copied"), () => setOutcome("failed"))
  }
  return (
    <>
      <button type="button" onClick={copy}>{outcome === "copied" ? "Copied" : label}</button>
      {outcome === "failed" && <code className="full-key">{text}</code>}
    </>
  )
}

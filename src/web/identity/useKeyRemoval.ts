/** Signs out and removes the user's key from this browser. */
import { Effect } from "effect"
import { useEffect, useRef, useState } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { formatError } from "../language/people.ts"
import * as KeyStore from "../storage/KeyStore.ts"
import { clearSaved } from "../storage/savedText.ts"

/** The state of a removal, and what a user can do about it. */
export interface KeyRemoval {
  /** Whether the server has yet to end the session. */
  readonly isSigningOut: boolean
  readonly errorMessage: string | undefined
  /** Ends the session, then removes the key. */
  readonly signOutAndRemove: () => void
  /** Removes the key at once: whoever closes the client then ends the session when it can. */
  readonly removeNow: () => void
}

/** The removal of the client's key. It goes on while the component is mounted, also when its dialog is closed. */
export const useKeyRemoval = (onKeyRemoved: () => void): KeyRemoval => {
  const client = useClient()
  const [errorMessage, setErrorMessage] = useState<string>()
  const [isSigningOut, setSigningOut] = useState(false)
  const stopWaiting = useRef(() => {})
  // Who has removed the key meanwhile may have made another one.
  useEffect(() => () => stopWaiting.current(), [])
  const showError = (error: unknown) => setErrorMessage(formatError(error))
  const removeNow = () =>
    void Effect.runPromise(KeyStore.remove(client.me)).then(() => {
      clearSaved(client.me)
      onKeyRemoved()
    }, showError)
  const signOutAndRemove = () => {
    setSigningOut(true)
    setErrorMessage(undefined)
    const signOut = client.state().session === undefined ? Effect.void : client.signOut
    stopWaiting.current = Effect.runCallback(Effect.match(signOut, {
      onSuccess: removeNow,
      onFailure: (error) => {
        setSigningOut(false)
        showError(error)
      }
    }))
  }
  return { isSigningOut, errorMessage, signOutAndRemove, removeNow }
}

/** The root component: loads the key, then connects and shows the threads. */
import { Effect } from "effect"
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useState, useSyncExternalStore } from "react"
import * as Client from "../../client/Client.ts"
import type { Identity } from "../../client/Keys.ts"
import { ChoirProvider } from "../../react/ClientContext.ts"
import { applyTheme } from "../design/theme.ts"
import { ToastProvider } from "../design/Toast.tsx"
import { LanguageContext, pageLanguage } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import * as KeyStore from "../storage/KeyStore.ts"
import { usePreferences } from "../storage/preferences.ts"
import { BrokenPage } from "./EmptyPage.tsx"
import { FaultBoundary } from "./FaultBoundary.tsx"
import { onboardingPart } from "./parts.ts"
import { useToday } from "./useToday.ts"
import { Workspace } from "./Workspace.tsx"

type KeyState =
  | { readonly _tag: "Loading" }
  | { readonly _tag: "NoKey"; readonly errorMessage: string | undefined }
  /** `secret` is the text of a key that was created on this page; it is not stored. */
  | { readonly _tag: "HasKey"; readonly identity: Identity; readonly secret: string | undefined }

const onLanguagesChange = (onChange: () => void) => {
  addEventListener("languagechange", onChange)
  return () => removeEventListener("languagechange", onChange)
}

/** The root component: the language and the theme, and all that is shown in them. */
export const Page = (): ReactNode => {
  const { language, theme } = usePreferences()
  // As a text: a browser may give another array each time it is asked.
  const browserLanguages = useSyncExternalStore(onLanguagesChange, () => navigator.languages.join())
  const today = useToday()
  const spoken = useMemo(
    () => pageLanguage(language, browserLanguages.split(","), today),
    [language, browserLanguages, today]
  )
  useLayoutEffect(() => applyTheme(theme, spoken.language), [theme, spoken])
  return (
    <LanguageContext value={spoken}>
      <ToastProvider>
        <FaultBoundary fallback={<BrokenPage />}>
          <KeyPage />
        </FaultBoundary>
      </ToastProvider>
    </LanguageContext>
  )
}

/** The state after a key was looked for. The key of this page stays as it is: this page itself may have stored it. */
const loadedState = (previous: KeyState, identity: Identity | undefined): KeyState => {
  if (identity === undefined) return { _tag: "NoKey", errorMessage: undefined }
  const isSame = previous._tag === "HasKey" && previous.identity.publicKey === identity.publicKey
  return isSame ? previous : { _tag: "HasKey", identity, secret: undefined }
}

/** The page of a browser with a key, or without one. */
const KeyPage = (): ReactNode => {
  const [keyState, setKeyState] = useState<KeyState>({ _tag: "Loading" })
  useEffect(() => {
    const loadKey = () =>
      Effect.runPromise(KeyStore.load).then(
        (identity) => setKeyState((previous) => loadedState(previous, identity)),
        (error: unknown) => setKeyState({ _tag: "NoKey", errorMessage: formatError(error) })
      )
    void loadKey()
    return KeyStore.subscribe(() => void loadKey())
  }, [])
  switch (keyState._tag) {
    case "Loading":
      return null
    case "NoKey":
      return (
        <onboardingPart.Part
          initialError={keyState.errorMessage}
          onKeyReady={(identity, secret) => setKeyState({ _tag: "HasKey", identity, secret })}
        />
      )
    case "HasKey":
      return (
        <ConnectedPage
          identity={keyState.identity}
          secret={keyState.secret}
          onKeyRemoved={() => setKeyState({ _tag: "NoKey", errorMessage: undefined })}
        />
      )
  }
}

type OpenClient = Awaited<ReturnType<typeof Client.open>>

/** How long a sign-out is tried: a session that is not renewed has expired by then. */
const signOutTimeout = "20 minutes"

/** Closes a client whose key is no longer used here, also because another tab has removed it: its session ends too. */
const signOutAndClose = (client: OpenClient): Promise<void> =>
  Effect.runPromise(
    client.state().session === undefined ? Effect.void : Effect.ignore(Effect.timeout(client.signOut, signOutTimeout))
  ).then(client.close)

/** Holds a client for as long as it is mounted. */
const ConnectedPage = ({ identity, onKeyRemoved, secret }: {
  readonly identity: Identity
  readonly secret: string | undefined
  readonly onKeyRemoved: () => void
}): ReactNode => {
  const [client, setClient] = useState<OpenClient>()
  useEffect(() => {
    // The key is usable by pages of this origin only, so no other server can relay a challenge to it.
    const opening = Client.open({ url: location.origin, identity, checkAudience: false })
    opening.then(setClient, () => {})
    return () => {
      setClient(undefined)
      opening.then(signOutAndClose).catch(() => {})
    }
  }, [identity])
  return client === undefined ? null : (
    <ChoirProvider client={client}>
      <Workspace secret={secret} onKeyRemoved={onKeyRemoved} />
    </ChoirProvider>
  )
}

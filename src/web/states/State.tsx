/** One state of the page: the real page over a server in the page itself. */
import { Effect } from "effect"
import { type ReactNode, useEffect, useMemo, useState } from "react"
import * as Client from "../../client/Client.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import { ChoirProvider } from "../../react/ClientContext.ts"
import { onboardingPart } from "../app/parts.ts"
import { Workspace } from "../app/Workspace.tsx"
import { ToastProvider } from "../design/Toast.tsx"
import { type Language, LanguageContext, pageLanguage } from "../language/Language.ts"
import { mara } from "./fixturePeople.ts"
import { makeFixtureServer } from "./FixtureServer.ts"
import type { PageState } from "./states.ts"

type OpenClient = Awaited<ReturnType<typeof Client.open>>

/** The page in a state. */
export const State = ({ language, state }: { readonly state: PageState; readonly language: Language }): ReactNode => {
  const spoken = useMemo(() => pageLanguage(language, ["en-GB", "de-DE"]), [language])
  return (
    <LanguageContext value={spoken}>
      <ToastProvider>
        {state.isStranger === true
          ? <onboardingPart.Part initialError={undefined} onKeyReady={() => {}} />
          : <ConnectedState state={state} />}
      </ToastProvider>
    </LanguageContext>
  )
}

const ConnectedState = ({ state }: { readonly state: PageState }): ReactNode => {
  const [client, setClient] = useState<OpenClient>()
  useEffect(() => {
    const opening = Client.open({
      url: location.origin,
      identity: { publicKey: mara, sign: () => Effect.succeed("c2lnbmF0dXJl") },
      kinds: [threadKind],
      checkAudience: false,
      connect: makeFixtureServer({ me: mara, threads: [], ...state })
    })
    void opening.then(setClient)
    return () => void opening.then(({ close }) => close())
  }, [state])
  return client === undefined ? null : (
    <ChoirProvider client={client}>
      <Workspace secret={state.secret} onKeyRemoved={() => {}} />
    </ChoirProvider>
  )
}

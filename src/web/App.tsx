/** The page: a key first, then the threads. */
import { Effect } from "effect"
import { type ReactNode, useEffect, useState } from "react"
import * as Client from "../client/Client.ts"
import type { Identity } from "../client/Keys.ts"
import { thread } from "../domain/kinds/Thread.ts"
import { Gate } from "./Gate.tsx"
import * as KeyStore from "./KeyStore.ts"
import { sentence } from "./words.ts"
import { Workspace } from "./Workspace.tsx"

type Stage =
  | { readonly _tag: "Loading" }
  | { readonly _tag: "Stranger"; readonly fault: string | undefined }
  /** `secret` is the text of a key that was made just now, and can be saved only now. */
  | { readonly _tag: "Known"; readonly identity: Identity; readonly secret: string | undefined }

export const App = (): ReactNode => {
  const [stage, setStage] = useState<Stage>({ _tag: "Loading" })
  useEffect(() => {
    Effect.runPromise(KeyStore.load).then(
      (identity) =>
        setStage(
          identity === undefined
            ? { _tag: "Stranger", fault: undefined }
            : { _tag: "Known", identity, secret: undefined }
        ),
      (error: unknown) => setStage({ _tag: "Stranger", fault: sentence(error) })
    )
  }, [])
  switch (stage._tag) {
    case "Loading":
      return null
    case "Stranger":
      return <Gate fault={stage.fault} enter={(identity, secret) => setStage({ _tag: "Known", identity, secret })} />
    case "Known":
      return (
        <Connected
          identity={stage.identity}
          secret={stage.secret}
          leave={() => setStage({ _tag: "Stranger", fault: undefined })}
        />
      )
  }
}

type Open = Awaited<ReturnType<typeof Client.open>>

/** Connected for as long as it is shown. */
const Connected = ({ identity, leave, secret }: {
  readonly identity: Identity
  readonly secret: string | undefined
  readonly leave: () => void
}): ReactNode => {
  const [client, setClient] = useState<Open>()
  useEffect(() => {
    // The key cannot leave this origin's pages, so nobody can pass a challenge on to it.
    const opening = Client.open({ url: location.origin, identity, kinds: [thread], checkAudience: false })
    opening.then(setClient, () => {})
    return () => {
      setClient(undefined)
      opening.then((client) => client.close(), () => {})
    }
  }, [identity])
  return client === undefined ? null : <Workspace client={client} secret={secret} leave={leave} />
}

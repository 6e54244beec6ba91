/** What there is to say about the connection: nothing, as long as it is well. */
import type { ReactNode } from "react"
import type { Client } from "../client/Client.ts"
import type { State } from "../client/Model.ts"
import { useNow } from "./hooks.ts"

/** A loss shorter than this is nobody's business. */
const patience = 5_000

export const Connection = ({ client, state }: { readonly client: Client; readonly state: State }): ReactNode => {
  const now = useNow(1_000)
  const { link, lostAt } = state
  const ended = link._tag === "Disconnected" ? link.fault : undefined
  const lost = lostAt !== undefined && now - lostAt >= patience
  return (
    <div className="connection" role="status">
      {ended !== undefined && (
        <p>
          {ended.message} <button type="button" onClick={client.start}>Connect again</button>
        </p>
      )}
      {lost && (
        <p>
          The connection is lost. It comes back by itself; what you write now is sent then.{" "}
          {link._tag === "Reconnecting" && <button type="button" onClick={client.start}>Try now</button>}
        </p>
      )}
    </div>
  )
}

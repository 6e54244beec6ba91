/** What there is to say about the connection: nothing, as long as it is well. */
import type { ReactNode } from "react"
import type { Client } from "../client/Client.ts"
import type { State } from "../client/ClientModel.ts"
import { useNow } from "./hooks.ts"

/** A loss shorter than this is nobody's business. */
const lossNoticeDelay = 5_000

export const ConnectionStatus = ({ client, state }: { readonly client: Client; readonly state: State }): ReactNode => {
  const now = useNow(1_000)
  const { connection, lostAt } = state
  const closedReason = connection._tag === "Disconnected" ? connection.reason : undefined
  const showLoss = lostAt !== undefined && now - lostAt >= lossNoticeDelay
  return (
    <div className="connection" role="status">
      {closedReason !== undefined && (
        <p>
          {closedReason.message} <button type="button" onClick={client.start}>Connect again</button>
        </p>
      )}
      {showLoss && (
        <p>
          The connection is lost. It comes back by itself; what you write now is sent then.{" "}
          {connection._tag === "Reconnecting" && <button type="button" onClick={client.start}>Try now</button>}
        </p>
      )}
    </div>
  )
}

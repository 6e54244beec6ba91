/** The banner about a lost or closed connection. */
import type { ReactNode } from "react"
import type { Client } from "../../client/Client.ts"
import type { State } from "../../client/ClientModel.ts"
import { retryPending } from "../composer/sending.ts"
import { useNow } from "../topic/hooks.ts"

/** Milliseconds that a connection must be lost before the banner appears. */
const lossNoticeDelay = 5_000

/** The banner; empty while the connection is online, or lost for a short time only. */
export const ConnectionStatus = ({ client, state }: { readonly client: Client; readonly state: State }): ReactNode => {
  const now = useNow(1_000)
  const { connection, lostAt } = state
  const closedReason = connection._tag === "Disconnected" ? connection.reason : undefined
  const reconnect = () => {
    client.start()
    retryPending(client)
  }
  const showLoss = lostAt !== undefined && now - lostAt >= lossNoticeDelay
  return (
    <div className="connection" role="status">
      {closedReason !== undefined && (
        <p>
          {closedReason.message} <button type="button" onClick={reconnect}>Reconnect</button>
        </p>
      )}
      {showLoss && (
        <p>
          The connection is lost. Reconnecting; what you write is sent afterwards.{" "}
          {connection._tag === "Reconnecting" && <button type="button" onClick={client.start}>Retry now</button>}
        </p>
      )}
    </div>
  )
}

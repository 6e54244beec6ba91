/** The client's own state as hooks. */
import * as ClientMachine from "../client/ClientMachine.ts"
import type { State } from "../client/ClientModel.ts"
import { useClient } from "./ClientContext.ts"
import { useSelector } from "./useSelector.ts"

/** What `select` makes of the client's state: the connection, the session's user, the outbox. */
export const useClientState = <A>(select: (state: State) => A): A => {
  const client = useClient()
  return useSelector(client.onChange, client.state, select)
}

/** How the client stands to its server: connecting, authenticated, subscribed, reconnecting or disconnected (SYN10). */
export const usePhase = (): ClientMachine.Phase => useClientState(ClientMachine.phase)

/** Failures that every engine has in common. */
import { Effect } from "effect"
import type { ConnectionId } from "../../../domain/protocol/Ids.ts"
import { type Capability, ConnectionNotFound, SocketError, UnsupportedCapability } from "../../../services/Socket.ts"

/** No connection with this id is open. */
export const connectionNotFound = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionNotFound({ connection }) }))

/** The engine does not declare this capability. */
export const unsupportedCapability = (capability: Capability): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new UnsupportedCapability({ capability }) }))

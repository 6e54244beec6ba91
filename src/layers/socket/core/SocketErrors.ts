/** Failures that every engine has in common. */
import { Effect } from "effect"
import type { ConnectionId } from "../../../domain/protocol/Ids.ts"
import {
  type Capability,
  ConnectionNotFound,
  SocketError,
  TransportFailed,
  UnsupportedCapability
} from "../../../services/Socket.ts"

/** No connection with this id is open. */
export const connectionNotFound = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionNotFound({ connection }) }))

/** The engine does not declare this capability. */
export const unsupportedCapability = (capability: Capability): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new UnsupportedCapability({ capability }) }))

/** What a transport reported. */
export const transportFailed = (fault: unknown): SocketError =>
  new SocketError({ reason: new TransportFailed({ detail: fault instanceof Error ? fault.message : String(fault) }) })

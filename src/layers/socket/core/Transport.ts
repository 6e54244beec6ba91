/**
 * The interface between the shared part of all engines and one engine's connection: writing to a peer, and its events.
 */
import type { EncodedJson, OutboundFrame } from "../../../services/OutboundFrame.ts"
import type { Connection } from "../../../services/Socket.ts"

/** Unsent bytes that are no copies: of values that other connections may send as well. */
export interface PendingShared {
  readonly bytes: number
  readonly values: ReadonlyArray<EncodedJson>
}

/**
 * Writes to one peer. Optional members belong to capabilities; an engine without them does not declare those. `write`
 * and `ping` must not call `TransportEvents` before they return.
 */
export interface Transport {
  /** Whether `write` writes all messages of a frame, `OutboundFrame.appended` included. */
  readonly supportsBatching?: boolean
  /** Writes the frames of one turn, in order. */
  readonly write: (frames: ReadonlyArray<OutboundFrame>) => void
  /** Bytes written and not yet taken by the network. */
  readonly unsentBytes: () => number
  /** The part of `unsentBytes` that is shared; nothing if it is absent. */
  readonly pendingShared?: PendingShared | undefined
  /** Cheap hint that the send buffer is nearly empty; reading `unsentBytes` is a native call. */
  readonly isDrained?: boolean
  /**
   * A counter that grows whenever the network takes bytes; without it, a decrease of `unsentBytes` counts as progress.
   */
  readonly bytesSent?: () => number
  /** Sends the close frame; `onClosed` follows when the peer answers it. */
  readonly close: (code: number, reason: string) => void
  /** Ends a connection without waiting for the peer; `onClosed` follows, or is called at once. */
  readonly terminate: () => void
  readonly ping?: () => void
  readonly pause?: () => void
  readonly resume?: () => void
}

/** Replaces a closed connection's transport, so that stale references to the connection do not retain its buffers. */
export const closedTransport: Transport = {
  write: () => {},
  unsentBytes: () => 0,
  close: () => {},
  terminate: () => {},
  ping: () => {},
  pause: () => {},
  resume: () => {}
}

/** The events that an engine reports of one peer. Implemented by methods, which must be called on their object. */
export interface TransportEvents {
  readonly connection: Connection
  readonly onMessage: (text: string) => void
  /** The peer sent something other than a message or pong (CON3). */
  readonly onActivity: () => void
  readonly onPong: () => void
  /** The network took all bytes that were unsent. */
  readonly onDrained: () => void
  /** A fault of this connection; `onClosed` follows. */
  readonly onError: (fault: unknown) => void
  /** Writes the queue, then closes. */
  readonly requestClose: (code: number, reason: string) => void
  /** The connection has ended; may be called more than once. */
  readonly onClosed: (code: number) => void
}

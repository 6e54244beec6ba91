/** Between what all socket engines share and what each brings: the way to one peer, and back. */
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import type { Connection } from "../../../services/Socket.ts"

/** The way to one peer. What is absent, the engine does not declare. `write` and `ping` may not call back at once. */
export interface Transport {
  /** Whether `write` sends all messages of a frame, those that joined it as well. Without it there are none. */
  readonly supportsBatching?: boolean
  /** Frames of one turn, in order. */
  readonly write: (frames: ReadonlyArray<OutboundFrame>) => void
  /** Bytes written that have not left. */
  readonly unsentBytes: () => number
  /** Whether that is less than a few writes, known without asking for the number; a socket has far to go to it. */
  readonly isDrained?: boolean
  /** Grows when bytes leave, at a time when some are unsent; without it, `unsent` is watched for getting less. */
  readonly bytesSent?: () => number
  /** The close frame; the peer's answer is `closed`. */
  readonly close: (code: number, reason: string) => void
  /** Ends a peer that does not answer the close frame; `closed` follows or comes at once. */
  readonly terminate: () => void
  readonly ping?: () => void
  readonly pause?: () => void
  readonly resume?: () => void
}

/** In place of the wire of who has left: those who know it for a while longer keep nothing of what it sent or was sent. */
export const closedTransport: Transport = {
  write: () => {},
  unsentBytes: () => 0,
  close: () => {},
  terminate: () => {},
  ping: () => {},
  pause: () => {},
  resume: () => {}
}

/** What a peer does to its engine. Its methods need their object. */
export interface TransportEvents {
  readonly connection: Connection
  readonly onMessage: (text: string) => void
  /** The peer gave a sign of life that is no message (CON3). */
  readonly onActivity: () => void
  readonly onPong: () => void
  /** What was unsent has left. */
  readonly onDrained: () => void
  /** Something is wrong with this connection; its end follows. */
  readonly onError: (fault: unknown) => void
  /** Sends what is queued, then closes. */
  readonly requestClose: (code: number, reason: string) => void
  readonly onClosed: (code: number) => void
}

/** Between what all socket engines share and what each brings: the way to one peer, and back. */
import type { Frame } from "../../services/Frame.ts"
import type { Connection } from "../../services/Socket.ts"

/** The way to one peer. What is absent, the engine does not declare. `write` and `ping` may not call back at once. */
export interface Wire {
  /** Whether `write` sends all messages of a frame, those that joined it as well. Without it there are none. */
  readonly gathers?: boolean
  /** Frames of one turn, in order. */
  readonly write: (frames: ReadonlyArray<Frame>) => void
  /** Bytes written that have not left. */
  readonly unsent: () => number
  /** Whether that is less than a few writes, known without asking for the number; a socket has far to go to it. */
  readonly clear?: boolean
  /** Grows when bytes leave, at a time when some are unsent; without it, `unsent` is watched for getting less. */
  readonly taken?: () => number
  /** The close frame; the peer's answer is `closed`. */
  readonly close: (code: number, reason: string) => void
  /** Ends a peer that does not answer the close frame; `closed` follows or comes at once. */
  readonly cut: () => void
  readonly ping?: () => void
  readonly pause?: () => void
  readonly resume?: () => void
}

/** In place of the wire of who has left: those who know it for a while longer keep nothing of what it sent or was sent. */
export const nobody: Wire = {
  write: () => {},
  unsent: () => 0,
  close: () => {},
  cut: () => {},
  ping: () => {},
  pause: () => {},
  resume: () => {}
}

/** What a peer does to its engine. Its methods need their object. */
export interface Port {
  readonly connection: Connection
  readonly heard: (text: string) => void
  /** The peer gave a sign of life that is no message (CON3). */
  readonly alive: () => void
  readonly pong: () => void
  /** What was unsent has left. */
  readonly drained: () => void
  /** Something is wrong with this connection; its end follows. */
  readonly failed: (fault: unknown) => void
  /** Sends what is queued, then closes. */
  readonly end: (code: number, reason: string) => void
  readonly closed: (code: number) => void
}

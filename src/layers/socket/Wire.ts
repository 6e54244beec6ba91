/** Between what all socket engines share and what each brings: the way to one peer, and back. */
import type { Connection } from "../../services/Socket.ts"
import type { Frame } from "../../services/Topics.ts"

/** The way to one peer. What is absent, the engine does not declare. `write` and `ping` may not call back at once. */
export interface Wire {
  /** Frames of one turn, in order. */
  readonly write: (frames: ReadonlyArray<Frame>) => void
  /** Bytes written that have not left. */
  readonly unsent: () => number
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

/** What a peer does to its engine. */
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
  readonly close: (code: number, reason: string) => void
  readonly closed: (code: number) => void
}

/** Whether the peer of a connection still lives: who is silent for long is asked, and who does not answer is gone (CON3). */
import type { Instant } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import type { Peer } from "./Peer.ts"

/** What the heartbeats of all connections share. */
export interface Watching {
  readonly limits: Pick<Limits, "pingInterval" | "pongTimeout">
  /** The peer gave a sign of life. */
  readonly alive: (peer: Peer) => void
  /** It has not answered. */
  readonly silent: (peer: Peer) => void
}

/** Asks a peer for a sign of life when it was silent for long; when to look again, undefined when it has not answered. */
export const look = (peer: Peer, at: Instant, { alive, limits, silent }: Watching): Instant | undefined => {
  const { wire } = peer
  // A ping stands behind all that waits, and its answer is as long in coming: whoever takes some of it lives.
  const waits = wire.unsent() > 0
  const taken = wire.taken?.() ?? -wire.unsent()
  if ((waits || peer.waited) && taken > peer.taken) alive(peer)
  peer.waited = waits
  peer.taken = taken
  if (peer.pingedAt !== undefined) {
    if (at < peer.pingedAt + limits.pongTimeout) return peer.pingedAt + limits.pongTimeout
    return void silent(peer)
  }
  if (at < peer.heardAt + limits.pingInterval) return peer.heardAt + limits.pingInterval
  peer.pingedAt = at
  wire.ping?.()
  return at + limits.pongTimeout
}

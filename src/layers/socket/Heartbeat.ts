/** Whether the peer of a connection still lives: who is silent for long is asked, and who does not answer is gone (CON3). */
import type { Limits } from "../../domain/Limits.ts"
import type { Peer } from "./Peer.ts"
import type { Wheel } from "./Wheel.ts"

/** What the heartbeats of all connections share. */
export interface Watching {
  readonly limits: Pick<Limits, "pingInterval" | "pongTimeout">
  readonly wheel: Wheel
  /** The peer gave a sign of life. */
  readonly alive: (peer: Peer) => void
  /** It has not answered. */
  readonly silent: (peer: Peer) => void
}

/** Has a peer whose wire can ping asked for a sign of life when it was silent for long, until its end. */
export const watch = (peer: Peer, { alive, limits, silent, wheel }: Watching): void => {
  let waited = false
  let before = 0
  wheel.add(peer.heardAt + limits.pingInterval, (at) => {
    const { status, wire } = peer
    if (status !== "open") return undefined
    // A ping stands behind all that waits, and its answer is as long in coming: whoever takes some of it lives.
    const waits = wire.unsent() > 0
    const taken = wire.taken?.() ?? -wire.unsent()
    if ((waits || waited) && taken > before) alive(peer)
    waited = waits
    before = taken
    if (peer.pingedAt !== undefined) {
      if (at < peer.pingedAt + limits.pongTimeout) return peer.pingedAt + limits.pongTimeout
      return void silent(peer)
    }
    if (at < peer.heardAt + limits.pingInterval) return peer.heardAt + limits.pingInterval
    peer.pingedAt = at
    wire.ping?.()
    return at + limits.pongTimeout
  })
}

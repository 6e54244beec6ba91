/**
 * Connections with queued frames, flushed together at the end of the turn: one write each, however many frames (SYN9).
 */

/** A connection with a queue to flush. Connections implement it themselves, so that none needs a closure. */
interface Flushable {
  flush(): void
}

/** The connections of one engine that have frames queued in this turn. */
export class FlushQueue {
  private scheduled: Array<Flushable> = []
  private readonly runAfterTurn: (task: () => void) => void
  private readonly flushAll = (): void => {
    const flushing = this.scheduled
    this.scheduled = []
    for (const connection of flushing) connection.flush()
  }

  /** `runAfterTurn` runs a task when the current turn of the event loop is over. */
  constructor(runAfterTurn: (task: () => void) => void) {
    this.runAfterTurn = runAfterTurn
  }

  /** Flushes a connection at the end of this turn; call it once per turn and connection. */
  schedule(connection: Flushable): void {
    if (this.scheduled.push(connection) === 1) this.runAfterTurn(this.flushAll)
  }
}

/** Messages about topics, sent in the order of their requests however long a signature takes (CON2). */
import * as Sequencer from "../domain/connection/Sequencer.ts"

/** The send order of one socket. */
export class SendOrder {
  private sequencer: Sequencer.Sequencer<() => void> = Sequencer.empty

  /** Reserves the next place. The action passed to the result runs when all earlier places have run. */
  reserve(): (action: () => void) => void {
    const place = Sequencer.nextPlace(this.sequencer)
    this.sequencer = Sequencer.reserve(this.sequencer)
    return (action) => {
      this.sequencer = Sequencer.complete(this.sequencer, place, action)
      this.runReady()
    }
  }

  /** Runs an action after all reserved places; at once if there is none. */
  enqueue(action: () => void): void {
    if (Sequencer.isEmpty(this.sequencer)) return action()
    this.sequencer = Sequencer.enqueue(this.sequencer, action)
  }

  private runReady(): void {
    for (
      let next = Sequencer.takeReady(this.sequencer);
      next !== undefined;
      next = Sequencer.takeReady(this.sequencer)
    ) {
      this.sequencer = next.rest
      next.action()
    }
  }
}

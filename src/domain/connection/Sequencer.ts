/** Things that become ready in any order, and happen in the order they came (CON2). */
export class Sequencer {
  private readonly slots: Array<{ action: (() => void) | undefined }> = []

  /** Takes the next place. Whatever is given to it happens at once when its turn has come, and else when it comes. */
  reserve(): (action: () => void) => void {
    const slot: { action: (() => void) | undefined } = { action: undefined }
    this.slots.push(slot)
    return (action) => {
      slot.action = action
      if (this.slots[0] === slot) this.runReady()
    }
  }

  /** Does it after everything that has a place already. */
  enqueue(action: () => void): void {
    if (this.slots.length === 0) action()
    else this.reserve()(action)
  }

  private runReady(): void {
    for (let head = this.slots[0]; head?.action !== undefined; head = this.slots[0]) {
      const { action } = head
      this.slots.shift()
      action()
    }
  }
}

/** Things that become ready in any order, and happen in the order they came (CON2). */
export class InOrder {
  private readonly places: Array<{ action: (() => void) | undefined }> = []

  /** Takes the next place. Whatever is given to it happens at once when its turn has come, and else when it comes. */
  enter(): (action: () => void) => void {
    const place: { action: (() => void) | undefined } = { action: undefined }
    this.places.push(place)
    return (action) => {
      place.action = action
      if (this.places[0] === place) this.advance()
    }
  }

  /** Does it after everything that has a place already. */
  after(action: () => void): void {
    if (this.places.length === 0) action()
    else this.enter()(action)
  }

  private advance(): void {
    for (let head = this.places[0]; head?.action !== undefined; head = this.places[0]) {
      const { action } = head
      this.places.shift()
      action()
    }
  }
}

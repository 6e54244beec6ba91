/** Counts what is open by address (SEC24). */

/** The counts of one kind of connection. */
export interface AddressCounts {
  readonly total: () => number
  /** Of one `rateLimitKey`. */
  readonly ofKey: (key: string) => number
  /** Counts one more; the result takes it back, once. */
  readonly add: (key: string) => () => void
}

/** Nothing is open. */
export const make = (): AddressCounts => {
  const counts = new Map<string, number>()
  const ofKey = (key: string) => counts.get(key) ?? 0
  let total = 0
  return {
    total: () => total,
    ofKey,
    add: (key) => {
      total += 1
      counts.set(key, ofKey(key) + 1)
      let released = false
      return () => {
        if (released) return
        released = true
        total -= 1
        if (ofKey(key) > 1) counts.set(key, ofKey(key) - 1)
        else counts.delete(key)
      }
    }
  }
}

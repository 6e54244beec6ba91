/** What a simulated run must never ask: the real clock, real randomness, real timers, the real network. */

const guardedGlobals: ReadonlyArray<readonly [object, string]> = [
  [Date, "now"],
  [Math, "random"],
  [globalThis.crypto, "randomUUID"],
  [globalThis.crypto, "getRandomValues"],
  [globalThis, "setTimeout"],
  [globalThis, "setInterval"],
  [globalThis, "setImmediate"],
  [globalThis, "fetch"],
  [performance, "now"]
]

/** Makes each of them throw, and counts them; gives what undoes it. */
export const guardGlobals = (): { readonly calledGlobals: ReadonlySet<string>; readonly restore: () => void } => {
  const asked = new Set<string>()
  const restorers = guardedGlobals.map(([holder, name]) => {
    const original = Object.getOwnPropertyDescriptor(holder, name)
    Object.defineProperty(holder, name, {
      configurable: true,
      writable: true,
      value: () => {
        asked.add(name)
        throw new TypeError(`a simulated run asked for the real ${name}`)
      }
    })
    return () => {
      if (original === undefined) Reflect.deleteProperty(holder, name)
      else Object.defineProperty(holder, name, original)
    }
  })
  return { calledGlobals: asked, restore: () => restorers.forEach((restoreOne) => restoreOne()) }
}

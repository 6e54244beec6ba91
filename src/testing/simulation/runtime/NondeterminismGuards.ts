/**
 * Replaces the sources of nondeterminism during a run, so that code which reads the real clock, randomness, timers or
 * network fails instead of making a seed irreproducible.
 */

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

/** Makes each guarded global throw and records its name when called; `restore` puts the originals back. */
export const guardGlobals = (): { readonly calledGlobals: ReadonlySet<string>; readonly restore: () => void } => {
  const calledGlobals = new Set<string>()
  const restorers = guardedGlobals.map(([holder, name]) => {
    const original = Object.getOwnPropertyDescriptor(holder, name)
    Object.defineProperty(holder, name, {
      configurable: true,
      writable: true,
      value: () => {
        calledGlobals.add(name)
        throw new TypeError(`a simulated run called the real ${name}`)
      }
    })
    return () => {
      if (original === undefined) Reflect.deleteProperty(holder, name)
      else Object.defineProperty(holder, name, original)
    }
  })
  return { calledGlobals, restore: () => restorers.forEach((restoreOne) => restoreOne()) }
}

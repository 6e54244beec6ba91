/** What a simulated run must never ask: the real clock, real randomness, real timers, the real network. */

const guarded: ReadonlyArray<readonly [object, string]> = [
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
export const install = (): { readonly asked: ReadonlySet<string>; readonly restore: () => void } => {
  const asked = new Set<string>()
  const undo = guarded.map(([holder, name]) => {
    const before = Object.getOwnPropertyDescriptor(holder, name)
    Object.defineProperty(holder, name, {
      configurable: true,
      writable: true,
      value: () => {
        asked.add(name)
        throw new TypeError(`a simulated run asked for the real ${name}`)
      }
    })
    return () => {
      if (before === undefined) Reflect.deleteProperty(holder, name)
      else Object.defineProperty(holder, name, before)
    }
  })
  return { asked, restore: () => undo.forEach((call) => call()) }
}

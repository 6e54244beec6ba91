/** What a client learns from the page it runs in, if it runs in one. */

/** Calls `wake` whenever the page becomes visible again or the network goes or returns; gives what undoes it. */
export const onVisible = (listener: () => void): () => void => {
  const target: unknown = globalThis
  const document: unknown = Reflect.get(globalThis, "document")
  if (!(document instanceof EventTarget) || !(target instanceof EventTarget)) return () => {}
  const onVisibilityChange = () => {
    if (Reflect.get(document, "visibilityState") === "visible") listener()
  }
  document.addEventListener("visibilitychange", onVisibilityChange)
  target.addEventListener("online", listener)
  // A loss is found out by asking, at once instead of at the next silence: the server may be on this very machine.
  target.addEventListener("offline", listener)
  return () => {
    document.removeEventListener("visibilitychange", onVisibilityChange)
    target.removeEventListener("online", listener)
    target.removeEventListener("offline", listener)
  }
}

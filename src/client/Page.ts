/** What a client learns from the page it runs in, if it runs in one. */

/** Calls `wake` whenever the page becomes visible again or the network goes or returns; gives what undoes it. */
export const whenShown = (wake: () => void): () => void => {
  const page: unknown = globalThis
  const document: unknown = Reflect.get(globalThis, "document")
  if (!(document instanceof EventTarget) || !(page instanceof EventTarget)) return () => {}
  const look = () => {
    if (Reflect.get(document, "visibilityState") === "visible") wake()
  }
  document.addEventListener("visibilitychange", look)
  page.addEventListener("online", wake)
  // A loss is found out by asking, at once instead of at the next silence: the server may be on this very machine.
  page.addEventListener("offline", wake)
  return () => {
    document.removeEventListener("visibilitychange", look)
    page.removeEventListener("online", wake)
    page.removeEventListener("offline", wake)
  }
}

/** Events of the browser page that a client runs in; outside a page there are none. */

/** Calls back when the page becomes visible, and when the browser goes online or offline. Returns the unsubscribe. */
export const onVisible = (listener: () => void): () => void => {
  const target: unknown = globalThis
  const document: unknown = Reflect.get(globalThis, "document")
  if (!(document instanceof EventTarget) || !(target instanceof EventTarget)) return () => {}
  const onVisibilityChange = () => {
    if (Reflect.get(document, "visibilityState") === "visible") listener()
  }
  document.addEventListener("visibilitychange", onVisibilityChange)
  target.addEventListener("online", listener)
  // Going offline need not break the connection (the server may be on this machine): a heartbeat finds out at once.
  target.addEventListener("offline", listener)
  return () => {
    document.removeEventListener("visibilitychange", onVisibilityChange)
    target.removeEventListener("online", listener)
    target.removeEventListener("offline", listener)
  }
}

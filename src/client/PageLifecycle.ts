/** Events of the browser page that a client runs in; outside a page there are none. */

/**
 * Calls back when the page becomes visible, and when the browser goes online or offline. Returns the unsubscribe.
 * `global` is the page's global object.
 */
export const onVisible = (listener: () => void, global: unknown = globalThis): () => void => {
  const document: unknown = global instanceof EventTarget ? Reflect.get(global, "document") : undefined
  if (!(document instanceof EventTarget) || !(global instanceof EventTarget)) return () => {}
  const onVisibilityChange = () => {
    if (Reflect.get(document, "visibilityState") === "visible") listener()
  }
  document.addEventListener("visibilitychange", onVisibilityChange)
  global.addEventListener("online", listener)
  // Going offline need not break the connection (the server may be on this machine): a heartbeat finds out at once.
  global.addEventListener("offline", listener)
  return () => {
    document.removeEventListener("visibilitychange", onVisibilityChange)
    global.removeEventListener("online", listener)
    global.removeEventListener("offline", listener)
  }
}

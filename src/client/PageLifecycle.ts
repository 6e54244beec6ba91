/** Events of the browser page that a client runs in; outside a page there are none. */

const documentOf = (global: unknown): EventTarget | undefined => {
  const document: unknown = global instanceof EventTarget ? Reflect.get(global, "document") : undefined
  return document instanceof EventTarget ? document : undefined
}

/**
 * Calls back when the page's content security policy has blocked a connection to the origin of a URL: the socket itself
 * only closes, as for a server that cannot be reached. Returns the unsubscribe. `global` is the page's global object.
 */
export const onBlocked = (url: string, listener: () => void, global: unknown = globalThis): () => void => {
  const document = documentOf(global)
  const { origin } = new URL(url)
  const onViolation = (event: Event) => {
    const blocked: unknown = Reflect.get(event, "blockedURI")
    // A policy may only report what it would block.
    const isEnforced = Reflect.get(event, "disposition") === "enforce"
    if (isEnforced && typeof blocked === "string" && URL.parse(blocked)?.origin === origin) listener()
  }
  document?.addEventListener("securitypolicyviolation", onViolation)
  return () => document?.removeEventListener("securitypolicyviolation", onViolation)
}

/**
 * Calls back when the page becomes visible, and when the browser goes online or offline. Returns the unsubscribe.
 * `global` is the page's global object.
 */
export const onVisible = (listener: () => void, global: unknown = globalThis): () => void => {
  const document = documentOf(global)
  if (document === undefined || !(global instanceof EventTarget)) return () => {}
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

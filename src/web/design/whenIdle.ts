/** Work that can wait. */

/** Runs a function when the browser has nothing else to do. Returns what cancels it. */
export const whenIdle = (run: () => void): () => void => {
  // Safari has no such callback.
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(run, 200)
    return () => clearTimeout(timer)
  }
  const handle = requestIdleCallback(run)
  return () => cancelIdleCallback(handle)
}

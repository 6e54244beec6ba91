/**
 * Signs of life of endpoints, from their `fetch` to the waits for their answers. A provider package passes nothing from a
 * call to its `fetch` but the abort signal: it identifies the request.
 */

/** Listeners for bytes of a response. A listener lives as long as its request's signal. */
export class LifeSigns {
  private readonly listeners = new WeakMap<AbortSignal, () => void>()

  listen(signal: AbortSignal, listener: () => void): void {
    this.listeners.set(signal, listener)
  }

  /** To be called when something of the response to the request with this signal has arrived. */
  notify(signal: AbortSignal | null | undefined): void {
    if (signal) this.listeners.get(signal)?.()
  }
}

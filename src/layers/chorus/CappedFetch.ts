/** `fetch` with a limit on the response body, so that no endpoint can exhaust the memory (SEC32). */

/** The largest response body in bytes, streamed or not. */
export const maxResponseBytes = 16 * 1024 * 1024

/** As `fetch`; a body above `maxResponseBytes` ends in an error. */
export const cappedFetch: typeof globalThis.fetch = (input, init) =>
  globalThis.fetch(input, init).then((response) => {
    if (response.body === null) return response
    let bytes = 0
    const capped = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (chunk, controller) => {
          bytes += chunk.byteLength
          if (bytes > maxResponseBytes) controller.error(new RangeError("the provider's response is too large"))
          else controller.enqueue(chunk)
        }
      })
    )
    return new Response(capped, { status: response.status, statusText: response.statusText, headers: response.headers })
  })

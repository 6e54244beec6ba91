/** `fetch` with a limit on the response body, so that no endpoint can exhaust the memory (SEC32). */

/** The largest response body in bytes; of an event stream, which is not kept, the longest line. */
export const maxResponseBytes = 16 * 1024 * 1024

/** The most bytes of an event stream. The text in it has its own limit; reasoning may be long. */
export const maxStreamBytes = 256 * 1024 * 1024

/** As `fetch`; a body above its limit ends in an error. */
export const cappedFetch: typeof globalThis.fetch = (input, init) =>
  globalThis.fetch(input, init).then((response) => {
    const isStream = isEventStream(response)
    return mapBody(response, (body) => body.pipeThrough(isStream ? limitStream() : limitBytes(maxResponseBytes)))
  })

/** Whether the response is an event stream. */
export const isEventStream = (response: Response): boolean =>
  response.headers.get("content-type")?.startsWith("text/event-stream") ?? false

/** The response with another body. */
export const mapBody = (
  response: Response,
  f: (body: ReadableStream<Uint8Array<ArrayBuffer>>) => ReadableStream<Uint8Array<ArrayBuffer>>
): Response =>
  response.body === null ? response : new Response(f(response.body), {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers
  })

const lineFeed = 10

const limitStream = () => limitBytes(maxStreamBytes, maxResponseBytes)

const limitBytes = (maxBytes: number, maxLineBytes = maxBytes) => {
  let bytes = 0
  let lineBytes = 0
  return new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      const lineEnd = chunk.lastIndexOf(lineFeed)
      bytes += chunk.byteLength
      lineBytes = lineEnd < 0 ? lineBytes + chunk.byteLength : chunk.byteLength - lineEnd
      if (bytes > maxBytes || lineBytes > maxLineBytes) {
        controller.error(new RangeError("the provider's response is too large"))
      } else controller.enqueue(chunk)
    }
  })
}
